"""The name of a CSI driver, as CSIDriver, CSINode, volumes of pods and others have it."""

from __future__ import annotations

from podo.api.rules import Found, check_text, required, too_long
from podo.values import names

_MAX = 63


def check_driver_name(path: str, name: str, found: Found) -> None:
    """At most 63 characters of a subdomain, in whatever case."""
    if not name:
        found.append(required(path))
        return
    if len(name) > _MAX:
        found.append(too_long(path, _MAX))
    check_text(path, name.lower(), names.subdomain, found)
