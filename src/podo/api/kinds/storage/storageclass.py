"""StorageClass (storage.k8s.io/v1): how volumes of a class are made and bound."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Column, Kind, Obj
from podo.api.meta import annotations_of
from podo.api.parts import nodelabels
from podo.api.rules import (
    Found,
    check_immutable,
    check_one_of,
    check_text,
    check_unique,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from podo.values import names

DEFAULT = "storageclass.kubernetes.io/is-default-class"
_FIXED = ("parameters", "provisioner", "reclaimPolicy")
_POLICIES = ("Delete", "Retain")
_MOST_PARAMETERS, _LARGEST_PARAMETERS = 512, 256 * 1024


def _fill_in(storageclass: Obj) -> None:
    storageclass["reclaimPolicy"] = storageclass.get("reclaimPolicy") or "Delete"
    storageclass["volumeBindingMode"] = storageclass.get("volumeBindingMode") or "Immediate"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    provisioner = new.get("provisioner") or ""
    if not provisioner:
        found.append(required("provisioner"))
    else:
        check_text("provisioner", provisioner.lower(), names.qualified_name, found)
    _check_parameters(new.get("parameters") or {}, found)
    if (policy := new.get("reclaimPolicy")) not in _POLICIES:
        found.append(not_supported("reclaimPolicy", policy, _POLICIES))
    check_one_of("volumeBindingMode", new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), found)
    for index, term in enumerate(new.get("allowedTopologies") or ()):
        _check_topology(term, f"allowedTopologies[{index}].matchLabelExpressions", found)
    if old is not None:
        _check_update(new, old, found)
    return found


def _check_parameters(parameters: dict[str, str], found: Found) -> None:
    if len(parameters) > _MOST_PARAMETERS:
        found.append(too_long("parameters", _MOST_PARAMETERS))
        return
    if "" in parameters:
        found.append(invalid("parameters", "", "field can not be empty."))
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _LARGEST_PARAMETERS:
        found.append(too_long("parameters", _LARGEST_PARAMETERS))


def _check_topology(term: dict[str, Any], path: str, found: Found) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(term.get("matchLabelExpressions") or ()):
        where, key, values = f"{path}[{index}]", one.get("key") or "", one.get("values") or []
        if not values:
            found.append(required(f"{where}.values"))
        for at, value in enumerate(values):
            if value in values[:at]:
                found.append(duplicate(f"{where}.values[{at}]", value))
        check_text(f"{where}.key", key, names.qualified_name, found)
        check_unique(f"{where}.key", key, seen, found)


def _check_update(new: Obj, old: Obj, found: Found) -> None:
    for field in _FIXED:
        if (new.get(field) or None) != (old.get(field) or None):
            found.append(forbidden(field, f"updates to {field} are forbidden."))
    check_immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"), found)


def _name(storageclass: Obj, now: float) -> str:
    name = str(storageclass["metadata"].get("name", ""))
    return f"{name} (default)" if annotations_of(storageclass).get(DEFAULT) == "true" else name


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{at}].key: {nodelabels.DEPRECATED[one['key']]}"
        for index, topology in enumerate(new.get("allowedTopologies") or ())
        for at, one in enumerate(topology.get("matchLabelExpressions") or ())
        if one.get("key") in nodelabels.DEPRECATED
    ]


STORAGECLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    short_names=("sc",),
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(
        Column(NAME.name, _name, format="name"),
        column("Provisioner", lambda storageclass: storageclass.get("provisioner") or ""),
        column("ReclaimPolicy", lambda storageclass: storageclass.get("reclaimPolicy") or ""),
        column("VolumeBindingMode", lambda storageclass: storageclass.get("volumeBindingMode") or ""),
        column("AllowVolumeExpansion", lambda storageclass: bool(storageclass.get("allowVolumeExpansion"))),
        AGE,
    ),
)
