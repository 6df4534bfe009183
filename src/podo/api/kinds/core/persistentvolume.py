"""PersistentVolume (v1): a piece of storage that a claim can be bound to."""

from __future__ import annotations

from dataclasses import replace
from posixpath import normpath
from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of, class_warnings, modes_text
from podo.api.kinds.core.persistentvolumeclaim_rules import check_modes, check_storage, check_volume_mode
from podo.api.meta import is_deleting
from podo.api.parts import nodelabels
from podo.api.parts.affinity import check_affinity
from podo.api.parts.driver_name import check_driver_name
from podo.api.parts.nodeselector import REQUIRED
from podo.api.parts.volume_warnings import deprecated_types
from podo.api.rules import Found, check_immutable, check_text, forbidden, invalid, not_supported, required
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
#: Labels of nodes by their first name, which may be put right.
_RENAMED = {
    "failure-domain.beta.kubernetes.io/zone": nodelabels.ZONE,
    "failure-domain.beta.kubernetes.io/region": nodelabels.REGION,
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}
_EXPAND = "controllerExpandSecretRef"
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
    if not spec.get("accessModes"):
        found.append(required("spec.accessModes"))
    check_modes(spec.get("accessModes") or (), "spec.accessModes", found)
    _check_capacity(spec.get("capacity") or {}, found)
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in _POLICIES:
        found.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _POLICIES))
    if (affinity := spec.get("nodeAffinity")) is not None:
        _check_node_affinity(affinity, "spec.nodeAffinity", found)
    _check_source(spec, found)
    if name := spec.get("storageClassName"):
        check_text("spec.storageClassName", name, names.subdomain, found)
    check_volume_mode(spec.get("volumeMode"), "spec.volumeMode", found)
    if (attributes := spec.get("volumeAttributesClassName")) is not None:
        _check_attributes(attributes, spec, found)
    if old is not None:
        _check_update(spec, old.get("spec") or {}, found)
    return found


def _check_capacity(capacity: dict[str, Any], found: Found) -> None:
    if not capacity:
        found.append(required("spec.capacity"))
    if "storage" not in capacity or len(capacity) > 1:
        found.append(not_supported("spec.capacity", capacity or None, ("storage",)))
    for name, amount in capacity.items():
        check_storage(amount, f"spec.capacity[{name}]", found)


def _check_node_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    """The same rules as of a pod's, whose field has another name."""
    wanted = affinity.get("required")
    if wanted is None:
        found.append(required(f"{path}.required", "must specify required node constraints"))
        return
    of_pod: Found = []
    check_affinity({"nodeAffinity": {REQUIRED: wanted}}, "", of_pod)
    found.extend(replace(one, path=one.path.replace(f".nodeAffinity.{REQUIRED}", f"{path}.required")) for one in of_pod)


def _check_attributes(name: str, spec: dict[str, Any], found: Found) -> None:
    path = "spec.volumeAttributesClassName"
    if name:
        check_text(path, name, names.subdomain, found)
    else:
        found.append(required(path, "an empty string is disallowed"))
    if spec.get("csi") is None:
        found.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))


def _check_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    after, before = _sources(new), _sources(old)
    if after != before and not _is_first_secret(after, before):
        found.append(forbidden("spec.persistentvolumesource", _SOURCE_FIXED))
    check_immutable("volumeMode", new.get("volumeMode"), old.get("volumeMode"), found)
    if old.get("nodeAffinity") is not None and _differ(old["nodeAffinity"], new.get("nodeAffinity")):
        why = "field is immutable, except for updating from beta label to GA"
        found.append(invalid("nodeAffinity", new.get("nodeAffinity"), why))
    if old.get("volumeAttributesClassName") is not None and new.get("volumeAttributesClassName") is None:
        why = "update from non-nil value to nil is forbidden"
        found.append(forbidden("spec.volumeAttributesClassName", why))


def _is_first_secret(after: dict[str, Any], before: dict[str, Any]) -> bool:
    """Is all that changed that the secret to grow a volume was given?"""
    new, old = after.get("csi"), before.get("csi")
    if new is None or old is None or old.get(_EXPAND) is not None:
        return False
    return {**after, "csi": {field: value for field, value in new.items() if field != _EXPAND}} == before


def _differ(old: Any, new: Any) -> bool:
    """Do they differ by more than labels that have their final name now?"""
    if isinstance(old, dict) and isinstance(new, dict):
        if old.keys() != new.keys():
            return True
        renamed = _RENAMED.get(old.get("key", "")) if "operator" in old else None
        return any(
            _differ(value, new[field]) for field, value in old.items() if not (field == "key" and new[field] == renamed)
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(map(_differ, old, new))
    return bool(old != new)


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
    first, *others = list(_sources(spec)) or [""]
    if not first:
        found.append(required("spec", "must specify a volume type"))
    elif first == "csi":
        _check_csi(spec["csi"] or {}, "spec.csi", found)
    elif first in ("hostPath", "local", "nfs"):
        _check_path(spec[first] or {}, first, f"spec.{first}", found)
    if first == "local" and spec.get("nodeAffinity") is None:
        found.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    found.extend(forbidden(f"spec.{field}", "may not specify more than 1 volume type") for field in others)
    root = first == "hostPath" and normpath((spec["hostPath"] or {}).get("path") or ".").lstrip("/") == ""
    if root and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        why = "may not be 'recycle' for a hostPath mount of '/'"
        found.append(forbidden("spec.persistentVolumeReclaimPolicy", why))


def _check_path(source: dict[str, Any], kind: str, path: str, found: Found) -> None:
    if kind == "nfs" and not source.get("server"):
        found.append(required(f"{path}.server"))
    text = source.get("path") or ""
    if not text:
        found.append(required(f"{path}.path"))
    elif kind == "nfs":
        if not text.startswith("/"):
            found.append(invalid(f"{path}.path", text, "must be an absolute path"))
    elif ".." in text.split("/"):
        found.append(invalid(f"{path}.path", text, "must not contain '..'"))


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
        column("Capacity", lambda volume: str((volume["spec"].get("capacity") or {}).get("storage") or "0")),
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
