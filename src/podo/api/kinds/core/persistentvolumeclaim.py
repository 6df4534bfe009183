"""PersistentVolumeClaim (v1): a wish for storage, which a volume is bound to."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.meta import annotations_of, is_deleting
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.volume_warnings import claim_warnings
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names, quantity

MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_SHORT = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_CLASS = "volume.beta.kubernetes.io/storage-class"
_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_VOLUME_MODES = ("Block", "Filesystem")


def fill_in_claim(claim: Obj) -> None:
    """Defaults of a claim, or of a template of one."""
    spec = claim["spec"] = claim.get("spec") or {}
    spec["volumeMode"] = spec.get("volumeMode") or "Filesystem"


def _prepare(new: Obj, old: Obj | None) -> None:
    if old is None:
        new["status"] = {"phase": "Pending"}


def check_claim_spec(spec: dict[str, Any], path: str, found: Found) -> None:
    """A PersistentVolumeClaimSpec, of a claim or of a template."""
    check_modes(spec.get("accessModes"), f"{path}.accessModes", found)
    if (selector := spec.get("selector")) is not None:
        check_label_selector(selector, f"{path}.selector", found)
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    where = f"{path}.resources[storage]"
    if storage is None:
        found.append(required(where))
    else:
        check_storage(storage, where, found)
    if name := spec.get("storageClassName"):
        check_text(f"{path}.storageClassName", name, names.subdomain, found)
    check_volume_mode(spec.get("volumeMode"), f"{path}.volumeMode", found)


def check_storage(value: Any, path: str, found: Found) -> None:
    """An amount of storage: more than nothing."""
    try:
        amount = quantity.parse(str(value))
    except quantity.QuantityError as problem:
        found.append(invalid(path, value, str(problem)))
        return
    if int(amount) <= 0:
        found.append(invalid(path, value, "must be greater than zero"))


def check_modes(modes: Any, path: str, found: Found) -> None:
    """Access modes: at least one, known ones, ReadWriteOncePod alone."""
    if not modes:
        found.append(required(path, "at least 1 access mode is required"))
        return
    found.extend(not_supported(path, mode, sorted(MODES)) for mode in modes if mode not in MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        why = "may not use ReadWriteOncePod with other access modes"
        found.append(forbidden(path, why))


def check_volume_mode(mode: Any, path: str, found: Found) -> None:
    if mode not in (None, *_VOLUME_MODES):
        found.append(not_supported(path, mode, _VOLUME_MODES))


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_claim_spec(spec, "spec", found)
    if old is None:
        return found
    before = old.get("spec") or {}
    if _fixed(spec, before) != _fixed(before, before):
        found.append(forbidden("spec", _FIXED))
    _check_size(spec, before, bool(before.get("volumeName")), found)
    return found


def _fixed(spec: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What may not change: all but the size, and what binding fills in where it was empty."""
    free = {"resources", "volumeAttributesClassName"}
    free |= {field for field in ("volumeName", "storageClassName") if before.get(field) is None}
    return {field: value for field, value in spec.items() if field not in free and value}


def _check_size(new: dict[str, Any], old: dict[str, Any], is_bound: bool, found: Found) -> None:
    after, before = (((s.get("resources") or {}).get("requests") or {}).get("storage") for s in (new, old))
    if after == before or after is None or before is None:
        return
    try:
        if not is_bound:
            found.append(forbidden("spec", _FIXED))
        elif quantity.parse(str(after)) < quantity.parse(str(before)):
            why = "field can not be less than status.capacity"
            found.append(forbidden("spec.resources.requests.storage", why))
    except quantity.QuantityError:
        return  # said already


def modes_text(modes: Any) -> str:
    return ",".join(_SHORT[mode] for mode in MODES if mode in (modes or ()))


def _status(claim: Obj) -> str:
    return "Terminating" if is_deleting(claim) else (claim.get("status") or {}).get("phase") or ""


def _capacity(claim: Obj) -> str:
    if not claim["spec"].get("volumeName"):
        return ""
    return str(((claim.get("status") or {}).get("capacity") or {}).get("storage") or "")


def _modes(claim: Obj) -> str:
    return modes_text((claim.get("status") or {}).get("accessModes")) if claim["spec"].get("volumeName") else ""


def class_of(obj: Obj) -> str:
    """The storage class a claim or volume names; "" for none."""
    return str(annotations_of(obj).get(_CLASS) or obj["spec"].get("storageClassName") or "")


def class_warnings(obj: Obj) -> list[str]:
    """Of a claim or a volume that names its class by the annotation of old."""
    what = 'deprecated since v1.8; use "storageClassName" attribute instead'
    return [f"metadata.annotations[{_CLASS}]: {what}"] if _CLASS in annotations_of(obj) else []


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    return class_warnings(new) + claim_warnings(new["spec"], "spec")


PERSISTENTVOLUMECLAIM = Kind(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    singular="persistentvolumeclaim",
    short_names=("pvc",),
    fill_in=fill_in_claim,
    prepare=_prepare,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Status", _status),
        column("Volume", lambda claim: claim["spec"].get("volumeName") or ""),
        column("Capacity", _capacity),
        column("Access Modes", _modes),
        column("StorageClass", class_of),
        column("VolumeAttributesClass", lambda claim: claim["spec"].get("volumeAttributesClassName") or "<unset>"),
        AGE,
        wide("VolumeMode", lambda claim: claim["spec"].get("volumeMode") or "<unset>"),
    ),
    subresources=frozenset({"status"}),
)
