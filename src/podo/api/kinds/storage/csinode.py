"""CSINode (storage.k8s.io/v1): the CSI drivers that one node has."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, check_not_negative, check_text, check_unique, duplicate, invalid, required
from podo.values import names

_NODE_ID_MAX = 256


def _drivers(given: Obj) -> list[dict[str, Any]]:
    return (given.get("spec") or {}).get("drivers") or []


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    seen: set[str] = set()
    for index, driver in enumerate(_drivers(new)):
        path = f"spec.drivers[{index}]"
        _check_driver(driver, path, found)
        name = driver.get("name") or ""
        check_unique(f"{path}.name", name, seen, found)
    if old is not None:
        before = {driver.get("name"): _fixed(driver) for driver in _drivers(old)}
        for driver in _drivers(new):
            if _fixed(driver) != before.get(driver.get("name"), _fixed(driver)):
                found.append(invalid("spec.drivers", _fixed(driver), "field is immutable"))
    return found


def _fixed(driver: dict[str, Any]) -> dict[str, Any]:
    """How much a driver can take may change; nothing else."""
    return {field: value for field, value in driver.items() if field != "allocatable"}


def _check_driver(driver: dict[str, Any], path: str, found: Found) -> None:
    check_driver_name(f"{path}.name", driver.get("name") or "", found)
    node = driver.get("nodeID") or ""
    if not node:
        found.append(required(f"{path}.nodeID"))
    elif len(node) > _NODE_ID_MAX:
        found.append(invalid(f"{path}.nodeID", node, f"must be {_NODE_ID_MAX} characters or less"))
    check_not_negative(f"{path}.allocatable.count", (driver.get("allocatable") or {}).get("count"), found)
    keys: list[str] = []
    for key in driver.get("topologyKeys") or ():
        if not key:
            found.append(required(path))
        else:
            if key in keys:
                found.append(duplicate(path, key))
            check_text(path, key, names.qualified_name, found)
        keys.append(key)


CSINODE = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSINode",
    plural="csinodes",
    singular="csinode",
    namespaced=False,
    problems=_problems,
    columns=(NAME, column("Drivers", lambda given: len(_drivers(given)), "integer"), AGE),
    conditional=True,
)
