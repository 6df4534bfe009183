"""Secret (v1): configuration that is to be kept from view."""

from __future__ import annotations

from podo.api.kind import Kind

SECRET = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
)
