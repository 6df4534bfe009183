"""What the subresources that write a part of a pod's spec (ephemeralcontainers, resize) share: all else stays."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj


def keep_all_but(new: Obj, old: Obj, spec: dict[str, Any]) -> None:
    """Make ``new`` the stored object but for these fields of its spec (None: not there) and for who owns its fields."""
    managed = new["metadata"].get("managedFields")
    new["metadata"] = {**old["metadata"]}
    if managed is not None:
        new["metadata"]["managedFields"] = managed
    for field in [*new]:
        if field not in ("apiVersion", "kind", "metadata"):
            del new[field]
    new |= {field: value for field, value in old.items() if field not in ("apiVersion", "kind", "metadata")}
    merged = {**old["spec"], **spec}
    new["spec"] = {field: value for field, value in merged.items() if value is not None}
