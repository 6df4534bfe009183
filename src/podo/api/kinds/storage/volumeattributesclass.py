"""VolumeAttributesClass (storage.k8s.io/v1): attributes of a CSI volume that may change while it is in use."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, forbidden, required, too_long

_COUNT_MAX, _SIZE_MAX = 512, 256 * 1024


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is not None:
        for field in ("driverName", "parameters"):
            if new.get(field) != old.get(field):
                found.append(forbidden(field, f"updates to {field} are forbidden."))
    check_driver_name("driverName", new.get("driverName") or "", found)
    _check_parameters(new.get("parameters") or {}, found)
    return found


def _check_parameters(parameters: dict[str, Any], found: Found) -> None:
    if not parameters:
        found.append(required("parameters", "must contain at least one key/value pair"))
    if len(parameters) > _COUNT_MAX:
        found.append(too_long("parameters", _COUNT_MAX))
        return
    size = 0
    for key, value in parameters.items():
        if not key:
            found.append(required("parameters", "field can not be empty."))
        size += len(key) + len(value)
    if size > _SIZE_MAX:
        found.append(too_long("parameters", _SIZE_MAX))


VOLUMEATTRIBUTESCLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    singular="volumeattributesclass",
    short_names=("vac",),
    namespaced=False,
    problems=_problems,
    columns=(NAME, column("DriverName", lambda given: given.get("driverName") or ""), AGE),
)
