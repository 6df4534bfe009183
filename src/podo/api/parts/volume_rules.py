"""What volumes must be like (API reference: Volume).

Of sources that no node of podo mounts only the required fields are checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podo.api.parts.driver_name import check_driver_name
from podo.api.parts.paths import check_no_backsteps
from podo.api.parts.projected_rules import check_projected
from podo.api.parts.volumefile_rules import check_downward, check_files
from podo.api.rules import Found, check_one_of, check_text, duplicate, forbidden, invalid, not_supported, required
from podo.values import names, quantity

_HOST_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def check_volumes(volumes: Any, pod: str, path: str, found: Found) -> dict[str, Any]:
    """All volumes of a pod (its name, "" in a template). Returns those that are sound, by name: containers know no
    others."""
    known: dict[str, Any] = {}
    for index, volume in enumerate(volumes):
        where, before = f"{path}[{index}]", len(found)
        _check_source(volume, where, found)
        name = volume.get("name")
        if pod and name and volume.get("ephemeral") is not None:
            _check_claim_name(name, f"{pod}-{name}", where, found)
        if not name:
            found.append(required(f"{where}.name"))
        else:
            check_text(f"{where}.name", name, names.label, found)
        if name in known:
            found.append(duplicate(f"{where}.name", name))
        if len(found) == before:
            known[name] = volume
        if pod and (claim := volume.get("persistentVolumeClaim")) is not None:
            _check_other_claim(claim.get("claimName"), volumes, pod, where, found)
    return known


def _check_claim_name(volume: str, claim: str, path: str, found: Found) -> None:
    """Of the claim that is made for a pod's volume."""
    found.extend(invalid(f"{path}.name", volume, f'PVC name "{claim}": {why}') for why in names.subdomain(claim))


def _check_other_claim(claim: str | None, volumes: Any, pod: str, path: str, found: Found) -> None:
    """A claim that is there without the pod is none that is made for it."""
    if any(each.get("ephemeral") is not None and claim == f"{pod}-{each.get('name')}" for each in volumes):
        why = "must not reference a PVC that gets created for an ephemeral volume"
        found.append(invalid(f"{path}.persistentVolumeClaim.claimName", claim, why))


def _check_source(volume: dict[str, Any], path: str, found: Found) -> None:
    taken = [field for field, value in volume.items() if value is not None and field in _REQUIRED]
    if not taken:
        found.append(required(path, "must specify a volume type"))
        return
    if len(taken) > 1:
        taken = [field for field in _REQUIRED if field in taken]
    source = taken[0]
    where = f"{path}.{_NAMED.get(source, source)}"
    for field in _REQUIRED[source]:
        if not volume[source].get(field):
            found.append(required(f"{where}.{field}"))
    if check := _CHECKS.get(source):
        check(volume[source], where, found)
    for extra in taken[1:]:
        found.append(forbidden(f"{path}.{extra}", "may not specify more than 1 volume type"))


def _check_empty_dir(source: dict[str, Any], path: str, found: Found) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and (not quantity.is_valid(str(limit)) or quantity.parse(str(limit)).nano < 0):
        found.append(forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity"))


def _check_host_path(source: dict[str, Any], path: str, found: Found) -> None:
    target = source.get("path")
    if not target:
        found.append(required(f"{path}.path"))
        return
    check_no_backsteps(f"{path}.path", target, found)
    if (kind := source.get("type")) and kind not in _HOST_TYPES:
        found.append(not_supported(f"{path}.type", kind, _HOST_TYPES))


def _check_image(source: dict[str, Any], path: str, found: Found) -> None:
    check_one_of(f"{path}.pullPolicy", source.get("pullPolicy"), ("Always", "IfNotPresent", "Never"), found)


def _check_nfs(source: dict[str, Any], path: str, found: Found) -> None:
    if not (target := source.get("path") or "").startswith("/"):
        found.append(invalid(f"{path}.path", target, "must be an absolute path"))


def _check_csi(source: dict[str, Any], path: str, found: Found) -> None:
    """A volume that a CSI driver makes for this one pod (CSIVolumeSource)."""
    check_driver_name(f"{path}.driver", source.get("driver") or "", found)
    secret = source.get("nodePublishSecretRef")
    if secret is None:
        return
    if name := secret.get("name"):
        check_text(f"{path}.name", name, names.subdomain, found)
    else:
        found.append(required(f"{path}.nodePublishSecretRef.name"))


_Check = Callable[[dict[str, Any], str, Found], None]
_CHECKS: dict[str, _Check] = {
    "emptyDir": _check_empty_dir,
    "hostPath": _check_host_path,
    "secret": check_files,
    "configMap": check_files,
    "downwardAPI": check_downward,
    "nfs": _check_nfs,
    "projected": check_projected,
    "csi": _check_csi,
    "image": _check_image,
}
#: Every source, in the order that upstream looks for them, with the fields that it cannot do without.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "emptyDir": (),
    "hostPath": (),
    "gitRepo": ("repository",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "secret": ("secretName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "flocker": (),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "quobyte": ("registry", "volume"),
    "downwardAPI": (),
    "fc": (),
    "flexVolume": ("driver",),
    "configMap": ("name",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "projected": (),
    "scaleIO": ("gateway", "system", "volumeName"),
    "csi": (),
    "ephemeral": ("volumeClaimTemplate",),
    "image": ("reference",),
}
#: As upstream's messages name it.
_NAMED = {"gcePersistentDisk": "persistentDisk"}
