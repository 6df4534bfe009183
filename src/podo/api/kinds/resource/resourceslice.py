"""ResourceSlice (resource.k8s.io/v1): devices that a driver offers, a part of a pool."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.resource.device_rules import GROUP, check_pool_name, check_taint
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, check_immutable, check_text, duplicate, invalid, required, too_many
from podo.values import names

_DEVICES_MAX, _ATTRIBUTES_MAX, _TAINTS_MAX = 128, 32, 16
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_WHERE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_driver_name("spec.driver", spec.get("driver") or "", found)
    _check_pool(spec.get("pool") or {}, "spec.pool", found)
    places = [field for field in _PLACES if spec.get(field)]
    if not places:
        found.append(required("spec", _WHERE))
    elif len(places) > 1:
        found.append(invalid("spec", "{" + ", ".join(f"`{place}`" for place in places) + "}", _WHERE))
    if node := spec.get("nodeName"):
        check_text("spec.nodeName", node, names.subdomain, found)
    _check_devices(spec.get("devices") or [], "spec.devices", found)
    if old is not None:
        before = old.get("spec") or {}
        check_immutable("spec.nodeName", spec.get("nodeName"), before.get("nodeName"), found)
        check_immutable("spec.driver", spec.get("driver"), before.get("driver"), found)
        name, had = (spec.get("pool") or {}).get("name"), (before.get("pool") or {}).get("name")
        check_immutable("spec.pool.name", name, had, found)
    return found


def _check_pool(pool: dict[str, Any], path: str, found: Found) -> None:
    name = pool.get("name") or ""
    if not name:
        found.append(required(f"{path}.name"))
    else:
        check_pool_name(f"{path}.name", name, found)
    if (count := pool.get("resourceSliceCount") or 0) <= 0:
        found.append(invalid(f"{path}.resourceSliceCount", count, "must be greater than zero"))
    if (generation := pool.get("generation") or 0) < 0:
        found.append(invalid(f"{path}.generation", generation, "must be greater than or equal to zero"))


def _check_devices(devices: list[dict[str, Any]], path: str, found: Found) -> None:
    if len(devices) > _DEVICES_MAX:
        found.append(too_many(path, len(devices), _DEVICES_MAX))
        return
    seen: set[str] = set()
    for index, device in enumerate(devices):
        where, name = f"{path}[{index}]", device.get("name") or ""
        check_text(f"{where}.name", name, names.label, found)
        if name in seen:
            found.append(duplicate(f"{where}.name", name))
        seen.add(name)
        taints = device.get("taints") or []
        if len(taints) > _TAINTS_MAX:
            found.append(too_many(f"{where}.taints", len(taints), _TAINTS_MAX))
        for at, taint in enumerate(taints[:_TAINTS_MAX]):
            check_taint(taint, f"{where}.taints[{at}]", found)
        attributes = device.get("attributes") or {}
        count = len(attributes) + len(device.get("capacity") or {})
        if count > _ATTRIBUTES_MAX:
            why = f"the total number of attributes and capacities must not exceed {_ATTRIBUTES_MAX}"
            found.append(invalid(where, count, why))
            continue
        for key, value in attributes.items():
            if len([one for one in (value or {}).values() if one is not None]) != 1:
                found.append(required(f"{where}.attributes[{key}]", "exactly one value must be specified"))


def _spec(field: str) -> Any:
    return lambda piece: str((piece.get("spec") or {}).get(field) or "")


RESOURCESLICE = Kind(
    group=GROUP,
    version="v1",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    problems=_problems,
    columns=(
        NAME,
        column("Node", lambda piece: _spec("nodeName")(piece) or "<unset>"),
        column("Driver", _spec("driver")),
        column("Pool", lambda piece: ((piece.get("spec") or {}).get("pool") or {}).get("name") or ""),
        AGE,
    ),
    fields={"spec.nodeName": _spec("nodeName"), "spec.driver": _spec("driver")},
    generation=True,
)
