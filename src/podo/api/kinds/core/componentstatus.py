"""ComponentStatus (v1, deprecated): is a part of the control plane healthy? Answered, never stored."""

from __future__ import annotations

from typing import Any

from podo.api.columns import NAME
from podo.api.kind import Column, Kind, Obj


def _healthy(obj: Obj) -> dict[str, Any]:
    return next((one for one in obj.get("conditions") or () if one.get("type") == "Healthy"), {})


def _status(obj: Obj, now: float) -> str:
    return {"True": "Healthy", "False": "Unhealthy"}.get(_healthy(obj).get("status") or "", "Unknown")


COMPONENTSTATUS = Kind(
    group="",
    version="v1",
    kind="ComponentStatus",
    plural="componentstatuses",
    singular="componentstatus",
    namespaced=False,
    short_names=("cs",),
    verbs=("get", "list"),
    columns=(
        NAME,
        Column("Status", _status),
        Column("Message", lambda obj, now: _healthy(obj).get("message") or ""),
        Column("Error", lambda obj, now: _healthy(obj).get("error") or ""),
    ),
    warning="v1 ComponentStatus is deprecated in v1.19+",
)
