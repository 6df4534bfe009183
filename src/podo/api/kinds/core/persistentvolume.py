"""PersistentVolume (v1): a piece of storage that a claim can be bound to."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.persistentvolumeclaim import (
    check_modes,
    check_storage,
    check_volume_mode,
    class_of,
    class_warnings,
    modes_text,
)
from podo.api.meta import is_deleting
from podo.api.parts import nodelabels
from podo.api.parts.driver_name import check_driver_name
from podo.api.parts.volume_warnings import deprecated_types
from podo.api.rules import Found, check_one_of, check_text, forbidden, required, too_many
from podo.values import names

#: Kinds of volume, of which a volume has exactly one: the first of them in this order, any other is one too many.
SOURCES = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte"),
    *("cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk"),
    *("portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi"),
)
_SECRETS_OF_CSI = (
    *("controllerPublishSecretRef", "controllerExpandSecretRef"),
    *("nodeStageSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"),
)
_POLICIES = ("Delete", "Recycle", "Retain")
_SOURCE_FIXED = "spec.persistentvolumesource is immutable after creation"


def _fill_in(volume: Obj) -> None:
    spec = volume["spec"] = volume.get("spec") or {}
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec["volumeMode"] = spec.get("volumeMode") or "Filesystem"
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")


def _prepare(new: Obj, old: Obj | None) -> None:
    if old is None:
        new["status"] = {"phase": "Pending"}


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_modes(spec.get("accessModes"), "spec.accessModes", found)
    capacity = spec.get("capacity") or {}
    if not capacity:
        found.append(required("spec.capacity"))
    elif "storage" not in capacity or len(capacity) > 1:
        found.append(too_many("spec.capacity", len(capacity), 1))
    else:
        check_storage(capacity["storage"], "spec.capacity[storage]", found)
    check_one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), _POLICIES, found)
    check_volume_mode(spec.get("volumeMode"), "spec.volumeMode", found)
    if name := spec.get("storageClassName"):
        check_text("spec.storageClassName", name, names.subdomain, found)
    _check_source(spec, found)
    if old is not None and _sources(spec) != _sources(old.get("spec") or {}):
        found.append(forbidden("spec.persistentvolumesource", _SOURCE_FIXED))
    return found


def _sources(spec: dict[str, Any]) -> dict[str, Any]:
    return {field: spec[field] for field in SOURCES if spec.get(field) is not None}


def _check_csi(source: dict[str, Any], path: str, found: Found) -> None:
    check_driver_name(f"{path}.driver", source.get("driver") or "", found)
    if not source.get("volumeHandle"):
        found.append(required(f"{path}.volumeHandle"))
    for field in _SECRETS_OF_CSI:
        reference = source.get(field)
        if reference is not None:
            found.extend(
                required(f"{path}.{field}.{part}") for part in ("name", "namespace") if not reference.get(part)
            )


def _check_source(spec: dict[str, Any], found: Found) -> None:
    sources = list(_sources(spec))
    if not sources:
        found.append(required("spec", "must specify a volume type"))
    found.extend(forbidden(f"spec.{field}", "may not specify more than 1 volume type") for field in sources[1:])
    for field in ("hostPath", "local"):
        if field in sources and not (spec[field] or {}).get("path"):
            found.append(required(f"spec.{field}.path"))
    if "csi" in sources:
        _check_csi(spec["csi"] or {}, "spec.csi", found)
    if "local" in sources and not spec.get("nodeAffinity"):
        found.append(required("spec.nodeAffinity", "Local volume requires node affinity"))


def _status(volume: Obj) -> str:
    return "Terminating" if is_deleting(volume) else (volume.get("status") or {}).get("phase") or ""


def _claim(volume: Obj) -> str:
    claim = volume["spec"].get("claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    spec = new["spec"]
    found = class_warnings(new)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        what = "The Recycle reclaim policy is deprecated"
        instead = "Instead, the recommended approach is to use dynamic provisioning."
        found.append(f"spec.persistentVolumeReclaimPolicy: {what}. {instead}")
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(required.get("nodeSelectorTerms") or ()):
        path = f"spec.nodeAffinity.required.nodeSelectorTerms[{index}].matchExpressions"
        found += nodelabels.of_expressions(term.get("matchExpressions") or (), path)
    return found + deprecated_types(spec, "spec")


PERSISTENTVOLUME = Kind(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    singular="persistentvolume",
    short_names=("pv",),
    namespaced=False,
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Capacity", lambda volume: str((volume["spec"].get("capacity") or {}).get("storage") or "")),
        column("Access Modes", lambda volume: modes_text(volume["spec"].get("accessModes"))),
        column("Reclaim Policy", lambda volume: volume["spec"].get("persistentVolumeReclaimPolicy") or ""),
        column("Status", _status),
        column("Claim", _claim),
        column("StorageClass", class_of),
        column("VolumeAttributesClass", lambda volume: volume["spec"].get("volumeAttributesClassName") or "<unset>"),
        column("Reason", lambda volume: (volume.get("status") or {}).get("reason") or ""),
        AGE,
        wide("VolumeMode", lambda volume: volume["spec"].get("volumeMode") or "<unset>"),
    ),
    subresources=frozenset({"status"}),
)
