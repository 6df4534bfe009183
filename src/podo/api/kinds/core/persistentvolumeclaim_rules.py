"""What a PersistentVolumeClaim must be like, and the little of it that may change: once bound, its size and its class
of attributes (API reference: PersistentVolumeClaimSpec)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import (
    Found,
    check_choice,
    check_immutable,
    check_text,
    checked_quantity,
    forbidden,
    invalid,
    not_supported,
    required,
)
from podo.values import names, quantity

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_RESIZES = (
    *("ControllerResizeInProgress", "ControllerResizeInfeasible"),
    *("NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"),
)
Spec = dict[str, Any]


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a claim."""
    found: Found = []
    check_claim_spec(new.get("spec") or {}, "spec", found)
    if old is not None:
        _check_update(new, old, found)
    return found


def check_claim_spec(spec: Spec, path: str, found: Found) -> None:
    """A PersistentVolumeClaimSpec, of a claim or of a template."""
    if not spec.get("accessModes"):
        found.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    if (selector := spec.get("selector")) is not None:
        check_label_selector(selector, f"{path}.selector", found)
    check_modes(spec.get("accessModes") or (), f"{path}.accessModes", found)
    storage = _storage(spec)
    if storage is None:
        found.append(required(f"{path}.resources[storage]"))
    else:
        check_storage(storage, f"{path}.resources[storage]", found)
    if name := spec.get("storageClassName"):
        check_text(f"{path}.storageClassName", name, names.subdomain, found)
    check_volume_mode(spec.get("volumeMode"), f"{path}.volumeMode", found)
    _check_sources(spec, path, found)
    if name := spec.get("volumeAttributesClassName"):
        check_text(f"{path}.volumeAttributesClassName", name, names.subdomain, found)


def check_modes(modes: Any, path: str, found: Found) -> None:
    """Access modes: known ones, ReadWriteOncePod alone."""
    found.extend(not_supported(path, mode, MODES) for mode in modes if mode not in MODES)
    known = {mode for mode in modes if mode in MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        found.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))


def check_storage(value: Any, path: str, found: Found) -> None:
    """An amount of storage: more than nothing."""
    amount = checked_quantity(path, value, found)
    if amount is not None and amount.millis <= 0:
        found.append(invalid(path, value, "must be greater than zero"))


def check_volume_mode(mode: Any, path: str, found: Found) -> None:
    check_choice(path, mode, VOLUME_MODES, found)


def _check_sources(spec: Spec, path: str, found: Found) -> None:
    """What a new volume is filled with: a claim, or an object of another group."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        _check_source(source, f"{path}.dataSource", found)
    if reference is not None:
        _check_source(reference, f"{path}.dataSourceRef", found)
        if namespace := reference.get("namespace"):
            check_text(f"{path}.dataSourceRef.namespace", namespace, names.label, found)
    if source is None or reference is None:
        return
    if reference.get("namespace"):
        found.append(
            invalid(path, f"{path}.dataSource", "may not be specified when dataSourceRef.namespace is specified")
        )
    elif any(source.get(field) != reference.get(field) for field in ("apiGroup", "kind", "name")):
        found.append(invalid(path, f"{path}.dataSource", "must match dataSourceRef"))


def _check_source(source: Mapping[str, Any], path: str, found: Found) -> None:
    for field in ("name", "kind"):
        if not source.get(field):
            found.append(required(f"{path}.{field}"))
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if group:
        check_text(f"{path}.apiGroup", group, names.subdomain, found)
    elif kind != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        found.append(invalid(path, kind, why))


def _check_update(new: Obj, old: Obj, found: Found) -> None:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    has, had = (annotations_of(obj).get(CLASS_ANNOTATION) for obj in (new, old))
    free = set() if before.get("volumeName") else {"volumeName"}
    name = after.get("storageClassName")
    if name is not None and before.get("storageClassName") is None and had in (None, name):
        free.add("storageClassName")
    if has != had and not (had is not None and has is None and "storageClassName" in free):
        check_immutable(f"metadata.annotations.{CLASS_ANNOTATION}", has or "", had or "", found)
    is_bound = (old.get("status") or {}).get("phase") == "Bound"
    if is_bound and after.get("volumeAttributesClassName") is not None:
        free.add("volumeAttributesClassName")
    if _shape(after, free, is_bound) != _shape(before, free, is_bound):
        found.append(forbidden("spec", _FIXED))
    _check_shrinking(after, before, old, found)
    check_immutable("volumeMode", after.get("volumeMode"), before.get("volumeMode"), found)
    path = "spec.volumeAttributesClassName"
    attributes = after.get("volumeAttributesClassName")
    if before.get("volumeAttributesClassName") is not None and not attributes:
        value = "nil" if attributes is None else "an empty string"
        found.append(forbidden(path, f"update from non-nil value to {value} is forbidden"))


def _shape(spec: Spec, free: set[str], is_bound: bool) -> Spec:
    """What may not change, amounts by their worth."""
    shape = {field: value for field, value in spec.items() if field not in free and field != "resources" and value}
    for field, amounts in (spec.get("resources") or {}).items():
        for name, amount in (amounts or {}).items() if field in ("requests", "limits") else ():
            if not (is_bound and field == "requests" and name == "storage"):
                shape[f"{field}.{name}"] = _worth(amount)
    return shape


def _check_shrinking(after: Spec, before: Spec, old: Obj, found: Found) -> None:
    """A claim whose growth fails may be made smaller again, but never as small as what it has."""
    new, was = _worth(_storage(after)), _worth(_storage(before))
    has = _worth(((old.get("status") or {}).get("capacity") or {}).get("storage") or "0")
    if new is not None and was is not None and has is not None and new < was and new <= has:
        why = "field can not be less than status.capacity"
        found.append(forbidden("spec.resources.requests.storage", why))


def _storage(spec: Spec) -> Any:
    return ((spec.get("resources") or {}).get("requests") or {}).get("storage")


def _worth(amount: Any) -> quantity.Quantity | None:
    """None for what is no amount, which is told elsewhere."""
    try:
        return None if amount is None else quantity.parse(str(amount))
    except quantity.QuantityError:
        return None


def status_problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a claim's status."""
    found: Found = []
    status = new.get("status") or {}
    _check_amounts(status.get("capacity") or {}, "status.capacity", found)
    path = "status.allocatedResourceStatus"  # as upstream has it
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        _check_resource(name, path, found)
        if state not in _RESIZES:
            found.append(not_supported(path, name, _RESIZES))
    allocated = status.get("allocatedResources") or {}
    for name in allocated:
        _check_resource(name, "status.allocatedResources", found)
    _check_amounts(allocated, "status.allocatedResources", found)
    return found


def _check_amounts(amounts: Mapping[str, Any], path: str, found: Found) -> None:
    for name, amount in amounts.items():
        worth = _worth(amount)
        if worth is None or worth.millis < 0:
            found.append(invalid(f"{path}[{name}]", amount, "must be a valid resource quantity"))


def _check_resource(name: str, path: str, found: Found) -> None:
    """Of the resources that Kubernetes itself names only storage."""
    before = len(found)
    check_text(path, name, names.qualified_name, found)
    if len(found) == before and name != "storage" and ("/" not in name or "kubernetes.io/" in name):
        found.append(not_supported(path, name, ("storage",)))
