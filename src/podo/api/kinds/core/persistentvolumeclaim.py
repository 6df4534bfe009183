"""PersistentVolumeClaim (v1): a wish for storage, which a volume is bound to."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.persistentvolumeclaim_rules import CLASS_ANNOTATION, problems, status_problems
from podo.api.meta import annotations_of, is_deleting
from podo.api.parts.volume_warnings import claim_warnings

_SHORT = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def fill_in_claim(claim: Obj) -> None:
    """Defaults of a claim, or of a template of one."""
    spec = claim["spec"] = claim.get("spec") or {}
    spec["volumeMode"] = spec.get("volumeMode") or "Filesystem"


def _prepare(new: Obj, old: Obj | None) -> None:
    spec = new["spec"]
    if old is None:
        new["status"] = {"phase": "Pending"}
        _drop_unknown_source(spec)
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {field: value for field, value in reference.items() if field != "namespace"}


def _drop_unknown_source(spec: dict[str, Any]) -> None:
    """The older field for the source knows claims and snapshots only; anything else in it was always dropped."""
    source = spec.get("dataSource")
    if source is None or spec.get("dataSourceRef") is not None:
        return
    if (source.get("apiGroup") or "", source.get("kind")) not in _SOURCES:
        del spec["dataSource"]


def modes_text(modes: Any) -> str:
    return ",".join(_SHORT[mode] for mode in _SHORT if mode in (modes or ()))


def _status(claim: Obj) -> str:
    return "Terminating" if is_deleting(claim) else (claim.get("status") or {}).get("phase") or ""


def _capacity(claim: Obj) -> str:
    if not claim["spec"].get("volumeName"):
        return ""
    return str(((claim.get("status") or {}).get("capacity") or {}).get("storage") or "0")


def _modes(claim: Obj) -> str:
    return modes_text((claim.get("status") or {}).get("accessModes")) if claim["spec"].get("volumeName") else ""


def class_of(obj: Obj) -> str:
    """The storage class a claim or volume names; "" for none. The annotation of old holds, if it is there."""
    annotated = annotations_of(obj).get(CLASS_ANNOTATION)
    return str(annotated if annotated is not None else obj["spec"].get("storageClassName") or "")


def class_warnings(obj: Obj) -> list[str]:
    """Of a claim or a volume that names its class by the annotation of old."""
    what = 'deprecated since v1.8; use "storageClassName" attribute instead'
    return [f"metadata.annotations[{CLASS_ANNOTATION}]: {what}"] if CLASS_ANNOTATION in annotations_of(obj) else []


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
    problems=problems,
    status_problems=status_problems,
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
