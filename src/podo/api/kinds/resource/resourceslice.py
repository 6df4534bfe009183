"""ResourceSlice (resource.k8s.io/v1): devices that a driver offers, a part of a pool."""

from __future__ import annotations

import re
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.resource.device_rules import GROUP, check_name, check_pool_name, check_taint
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import (
    Found,
    check_immutable,
    check_text,
    check_unique,
    invalid,
    required,
    too_long,
    too_many,
)
from podo.values import names

_DEVICES_MAX, _ATTRIBUTES_MAX, _TAINTS_MAX = 128, 32, 16
_TEXT_MAX = 64
_NUMBER, _BEFORE = r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?", re.ASCII
)
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_WHERE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_driver_name("spec.driver", spec.get("driver") or "", found)
    _check_pool(spec.get("pool") or {}, "spec.pool", found)
    if old is not None:
        before = old.get("spec") or {}
        name, had = (spec.get("pool") or {}).get("name"), (before.get("pool") or {}).get("name")
        check_immutable("spec.pool.name", name, had, found)
        check_immutable("spec.driver", spec.get("driver"), before.get("driver"), found)
        check_immutable("spec.nodeName", spec.get("nodeName"), before.get("nodeName"), found)
    _check_place(spec, found)
    if spec.get("sharedCounters") and spec.get("devices"):
        found.append(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    _check_devices(spec.get("devices") or [], "spec.devices", found)
    return found


def _check_place(spec: dict[str, Any], found: Found) -> None:
    if (node := spec.get("nodeName")) == "":
        found.append(invalid("spec.nodeName", node, "must be either unset or set to a non-empty string"))
    elif node is not None:
        check_text("spec.nodeName", node, names.subdomain, found)
    terms = (spec.get("nodeSelector") or {}).get("nodeSelectorTerms") or []
    if spec.get("nodeSelector") is not None and len(terms) != 1:
        why = "must have exactly one node selector term"
        found.append(invalid("spec.nodeSelector.nodeSelectorTerms", terms, why))
    for field in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(field) is False:
            found.append(invalid(f"spec.{field}", False, "must be either unset or set to true"))
    places = [field for field in _PLACES if spec.get(field)]
    if not places:
        found.append(required("spec", _WHERE))
    elif len(places) > 1:
        listed = ", ".join(f"`{place}`" for place in places)
        found.append(invalid("spec", "{" + listed + "}", f"{_WHERE}, but multiple fields are set"))


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
        check_unique(f"{where}.name", name, seen, found)
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
            check_name(f"{where}.attributes", key, found)
            _check_attribute(value or {}, f"{where}.attributes[{key}]", found)
        for key in device.get("capacity") or ():
            check_name(f"{where}.capacity", key, found)


def _check_attribute(value: dict[str, Any], path: str, found: Found) -> None:
    version = value.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        found.append(invalid(f"{path}.version", version, "must be a string compatible with semver.org spec 2.0.0"))
    for field in ("string", "version"):
        if len((value.get(field) or "").encode()) > _TEXT_MAX:
            found.append(too_long(f"{path}.{field}", _TEXT_MAX))
    given = [one for one in value.values() if one is not None]
    if len(given) != 1:
        found.append(invalid(path, value if given else "", "exactly one value must be specified"))


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
