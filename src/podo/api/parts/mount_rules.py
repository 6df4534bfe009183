"""What a container's mounts and block devices must be like (API reference: VolumeMount, VolumeDevice).

Where upstream names the list and not the entry (subPath, mountPropagation, recursiveReadOnly), so do these paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.parts.paths import check_relative
from podo.api.rules import Found, forbidden, invalid, not_found, not_supported, required

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
Volumes = Mapping[str, dict[str, Any]]


def check_mounts(container: dict[str, Any], volumes: Volumes, path: str, found: Found) -> None:
    """``volumeMounts``; ``volumes`` are the pod's sound ones by name, ``path`` is the container's."""
    devices = {one.get("name"): one.get("devicePath") for one in container.get("volumeDevices") or ()}
    privileged = (container.get("securityContext") or {}).get("privileged") is True
    seen = set()
    listed = f"{path}.volumeMounts"
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where, name, target = f"{listed}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            found.append(required(f"{where}.name"))
        if name not in volumes:
            found.append(not_found(f"{where}.name", name))
        if not target:
            found.append(required(f"{where}.mountPath"))
        if target in seen:
            found.append(invalid(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
        if name in devices:
            found.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        if target in devices.values():
            found.append(invalid(f"{where}.mountPath", target, "must not already exist as a path in volumeDevices"))
        _check_sub_path(mount, listed, where, found)
        if (propagation := mount.get("mountPropagation")) is not None:
            _check_propagation(propagation, privileged, f"{listed}.mountPropagation", found)
        _check_recursive(mount, f"{listed}.recursiveReadOnly", found)


def _check_sub_path(mount: dict[str, Any], listed: str, path: str, found: Found) -> None:
    plain, expanded = mount.get("subPath"), mount.get("subPathExpr")
    if plain:
        check_relative(f"{listed}.subPath", plain, found)
    if expanded:
        if plain:
            found.append(invalid(f"{path}.subPathExpr", expanded, "subPathExpr and subPath are mutually exclusive"))
        check_relative(f"{listed}.subPathExpr", expanded, found)


def _check_propagation(propagation: str, privileged: bool, path: str, found: Found) -> None:
    if propagation not in _PROPAGATION:
        found.append(not_supported(path, propagation, _PROPAGATION))
    elif propagation == "Bidirectional" and not privileged:
        why = "Bidirectional mount propagation is available only to privileged containers"
        found.append(forbidden(path, why))


def _check_recursive(mount: dict[str, Any], path: str, found: Found) -> None:
    """Everything mounted below is read-only, too (KEP-3857)."""
    wanted = mount.get("recursiveReadOnly")
    if wanted in (None, "Disabled"):
        return
    if wanted not in _RECURSIVE:
        found.append(not_supported(path, wanted, _RECURSIVE))
        return
    if not mount.get("readOnly"):
        found.append(forbidden(path, "may only be specified when readOnly is true"))
    if (mount.get("mountPropagation") or "None") != "None":
        found.append(forbidden(path, "may only be specified when mountPropagation is None or not specified"))


def check_devices(container: dict[str, Any], volumes: Volumes, path: str, found: Found) -> None:
    """``volumeDevices``, which are claims in block mode; ``path`` is the container's."""
    mounts = {one.get("name"): one.get("mountPath") for one in container.get("volumeMounts") or ()}
    taken_names: set[str | None] = set()
    taken_paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        where = f"{path}.volumeDevices[{index}]"
        name, target = device.get("name") or "", device.get("devicePath") or ""
        _check_device_volume(name, volumes, f"{where}.name", taken_names, found)
        if not target:
            found.append(required(f"{where}.devicePath"))
        if target in taken_paths:
            found.append(invalid(f"{where}.devicePath", target, "must be unique"))
        if ".." in target.split("/"):
            found.append(invalid(f"{where}.devicePath", target, "can not contain backsteps ('..')"))
        else:
            taken_paths.add(target)
        if name in mounts:
            found.append(invalid(f"{where}.name", name, "must not already exist in volumeMounts"))
        if target in mounts.values():
            found.append(invalid(f"{where}.devicePath", target, "must not already exist as a path in volumeMounts"))
        taken_names.add(name or None)


def _check_device_volume(name: str, volumes: Volumes, path: str, taken: set[str | None], found: Found) -> None:
    if not name:
        found.append(required(path))
    if name in taken:
        found.append(invalid(path, name, "must be unique"))
    if name not in volumes:
        found.append(not_found(path, name))
    elif all(volumes[name].get(field) is None for field in ("persistentVolumeClaim", "ephemeral")):
        why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        found.append(invalid(path, name, why))
