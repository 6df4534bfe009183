"""What volumes must be like (API reference: Volume).

Of sources that no node of podo mounts only the required fields are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from podo.api.parts.driver_name import check_driver_name
from podo.api.parts.environment import check_resource_ref, check_volume_field_ref
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.signername import (
    bundle_name_problems,
    check_certificate_seconds,
    check_signer_name,
    check_user_annotations,
    signer_in,
)
from podo.api.rules import Found, check_one_of, check_text, duplicate, forbidden, invalid, not_supported, required
from podo.values import names, quantity

_MODE_MAX = 0o777
_BAD_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
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
#: What a pod's key may be (PodCertificateProjection), and where its files may be asked for.
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")
_TOKEN_SECONDS_MIN = 600
_TOKEN_SECONDS_MAX = 2**32


def check_volumes(volumes: Any, path: str, found: Found) -> dict[str, Any]:
    """All volumes of a pod. Returns those that have a good name, by name."""
    known: dict[str, Any] = {}
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        name = volume.get("name")
        if not name:
            found.append(required(f"{where}.name"))
        else:
            check_text(f"{where}.name", name, names.label, found)
            if name in known:
                found.append(duplicate(f"{where}.name", name))
            known[name] = volume
        _check_source(volume, where, found)
    return known


def _check_source(volume: dict[str, Any], path: str, found: Found) -> None:
    taken = [field for field, value in volume.items() if field != "name" and value is not None]
    if not taken:
        found.append(required(path, "must specify a volume type"))
        return
    for extra in taken[1:]:
        found.append(forbidden(f"{path}.{extra}", "may not specify more than 1 volume type"))
    source, where = taken[0], f"{path}.{taken[0]}"
    if check := _CHECKS.get(source):
        check(volume[source], where, found)
    for field in _REQUIRED.get(source, ()):
        if not volume[source].get(field):
            found.append(required(f"{where}.{field}"))


def _check_empty_dir(source: dict[str, Any], path: str, found: Found) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and (not quantity.is_valid(str(limit)) or quantity.parse(str(limit)).nano < 0):
        found.append(forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity"))


def _check_host_path(source: dict[str, Any], path: str, found: Found) -> None:
    target = source.get("path")
    if not target:
        found.append(required(f"{path}.path"))
    elif ".." in target.split("/"):
        found.append(invalid(f"{path}.path", target, "must not contain '..'"))
    if (kind := source.get("type")) and kind not in _HOST_TYPES:
        found.append(not_supported(f"{path}.type", kind, _HOST_TYPES))


def _check_files(source: dict[str, Any], path: str, found: Found) -> None:
    """A Secret or ConfigMap as files."""
    _check_mode(source, "defaultMode", path, found)
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        if not item.get("key"):
            found.append(required(f"{where}.key"))
        _check_file_path(item, where, found)
        _check_mode(item, "mode", where, found)


def _check_downward(source: dict[str, Any], path: str, found: Found) -> None:
    _check_mode(source, "defaultMode", path, found)
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        _check_file_path(item, where, found)
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            check_volume_field_ref(field, f"{where}.fieldRef", found)
            if resource is not None:
                why = "fieldRef and resourceFieldRef can not be specified simultaneously"
                found.append(invalid(where, "resource", why))
        elif resource is not None:
            if not resource.get("containerName"):
                found.append(required(f"{where}.resourceFieldRef.containerName"))
            check_resource_ref(resource, f"{where}.resourceFieldRef", found)
        else:
            found.append(required(where, "one of fieldRef and resourceFieldRef is required"))
        _check_mode(item, "mode", where, found)


def _check_projected(source: dict[str, Any], path: str, found: Found) -> None:
    _check_mode(source, "defaultMode", path, found)
    _check_distinct(source.get("sources") or (), path, found)
    for index, part in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        taken = [field for field, value in part.items() if value is not None]
        for extra in taken[1:]:
            found.append(forbidden(f"{where}.{extra}", "may not specify more than 1 volume type"))
        if taken and (check := _PROJECTED.get(taken[0])):
            check(part[taken[0]], f"{where}.{taken[0]}", found)


def _check_distinct(parts: Sequence[dict[str, Any]], path: str, found: Found) -> None:
    """No two files of a projected volume may have one path."""
    taken: set[str] = set()
    for part in parts:
        for target in _targets(part):
            if target in taken:
                found.append(invalid(path, target, "conflicting duplicate paths"))
            taken.add(target)


def _targets(part: dict[str, Any]) -> Iterator[str]:
    for source in ("secret", "configMap", "downwardAPI"):
        yield from (item["path"] for item in (part.get(source) or {}).get("items") or () if item.get("path"))
    if target := (part.get("clusterTrustBundle") or {}).get("path"):
        yield target
    certificate = part.get("podCertificate") or {}
    yield from (certificate[field] for field in CERTIFICATE_PATHS if certificate.get(field))


def _check_projected_files(part: dict[str, Any], path: str, found: Found) -> None:
    if not part.get("name"):
        found.append(required(f"{path}.name"))
    _check_files(part, path, found)


def _check_token(token: dict[str, Any], path: str, found: Found) -> None:
    seconds = token.get("expirationSeconds") or 0
    if seconds < _TOKEN_SECONDS_MIN:
        found.append(invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"))
    elif seconds > _TOKEN_SECONDS_MAX:
        why = "may not specify a duration larger than 2^32 seconds"
        found.append(invalid(f"{path}.expirationSeconds", seconds, why))
    _check_file_path(token, path, found)


def _check_trust_bundle(source: dict[str, Any], path: str, found: Found) -> None:
    """One bundle by its name, or those of a signer."""
    name, signer = source.get("name"), source.get("signerName")
    if name is not None and signer is not None:
        found.append(invalid(path, source, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            found.append(required(f"{path}.name", "must be a valid object name"))
        for message in bundle_name_problems(signer_in(name), name):
            found.append(invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {message}"))
        if (selector := source.get("labelSelector")) is not None:
            found.append(invalid(f"{path}.labelSelector", selector, "labelSelector must be unset if name is specified"))
    elif signer is not None:
        check_signer_name(f"{path}.signerName", signer, found)
        check_label_selector(source.get("labelSelector") or {}, f"{path}.labelSelector", found)
    else:
        found.append(required(path, "either name or signerName must be specified"))
    _check_file_path(source, path, found)


def _check_pod_certificate(source: dict[str, Any], path: str, found: Found) -> None:
    signer = source.get("signerName") or ""
    check_signer_name(f"{path}.signerName", signer, found)
    if source.get("keyType") not in KEY_TYPES:
        found.append(not_supported(f"{path}.keyType", source.get("keyType") or "", KEY_TYPES))
    check_certificate_seconds(f"{path}.maxExpirationSeconds", signer, source.get("maxExpirationSeconds"), found)
    paths = [field for field in CERTIFICATE_PATHS if source.get(field)]
    if not paths:
        why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        found.append(required(path, why))
    for field in paths:
        check_local(f"{path}.{field}", source[field], found)
    check_user_annotations(f"{path}.userAnnotations", source.get("userAnnotations") or {}, found)


def _check_image(source: dict[str, Any], path: str, found: Found) -> None:
    if not source.get("reference") and path.startswith("spec.volumes["):
        found.append(required(f"{path}.reference"))  # a template may leave it to what fills it in
    check_one_of(f"{path}.pullPolicy", source.get("pullPolicy"), ("Always", "IfNotPresent", "Never"), found)


def _check_csi(source: dict[str, Any], path: str, found: Found) -> None:
    """A volume that a CSI driver makes for this one pod (CSIVolumeSource)."""
    check_driver_name(f"{path}.driver", source.get("driver") or "", found)
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        found.append(required(f"{path}.nodePublishSecretRef.name"))


def _check_file_path(item: dict[str, Any], path: str, found: Found) -> None:
    if target := item.get("path"):
        check_local(f"{path}.path", target, found)
    else:
        found.append(required(f"{path}.path"))


def check_local(path: str, value: str, found: Found) -> None:
    """The path of a file in a volume: below it, and not with dots that the node uses itself."""
    check_relative(path, value, found)
    if value.startswith("..") and not value.startswith("../"):
        found.append(invalid(path, value, "must not start with '..'"))


def check_relative(path: str, value: str, found: Found) -> None:
    """A path that stays below where it starts."""
    if value.startswith("/"):
        found.append(invalid(path, value, "must be a relative path"))
    if ".." in value and ".." in value.split("/"):
        found.append(invalid(path, value, "must not contain '..'"))


def _check_mode(source: dict[str, Any], field: str, path: str, found: Found) -> None:
    mode = source.get(field)
    if mode is not None and not 0 <= mode <= _MODE_MAX:
        found.append(invalid(f"{path}.{field}", mode, _BAD_MODE))


_Check = Callable[[dict[str, Any], str, Found], None]
_CHECKS: dict[str, _Check] = {
    "emptyDir": _check_empty_dir,
    "hostPath": _check_host_path,
    "secret": _check_files,
    "configMap": _check_files,
    "downwardAPI": _check_downward,
    "projected": _check_projected,
    "csi": _check_csi,
    "image": _check_image,
}
_PROJECTED: dict[str, _Check] = {
    "secret": _check_projected_files,
    "configMap": _check_projected_files,
    "downwardAPI": _check_downward,
    "serviceAccountToken": _check_token,
    "clusterTrustBundle": _check_trust_bundle,
    "podCertificate": _check_pod_certificate,
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    "secret": ("secretName",),
    "configMap": ("name",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "cephfs": ("monitors",),
    "rbd": ("monitors", "image"),
    "glusterfs": ("endpoints", "path"),
    "ephemeral": ("volumeClaimTemplate",),
}
