"""Volumes of claims on a node: from the claim to its volume to a path of the machine.

Volumes of type ``local`` and ``hostPath`` can be used; a directory of one that ``podo.dev/local`` has provisioned is
made here when it is first needed. Others fail with "unsupported volume type". Event: FailedMount.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolume import SOURCES
from podo.api.meta import is_controlled_by, is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.api.parts.localvolume import is_on
from podo.api.parts.nodeselector import term_allows
from podo.node.machine import MachineFailure
from podo.node.volumes import hostpath, ownership


class Storage(Protocol):
    """Where a node reads about storage. None for what does not exist; raises ApiError and Unreachable."""

    async def claim(self, namespace: str, name: str) -> Obj | None: ...
    async def volume(self, name: str) -> Obj | None: ...
    async def node(self, name: str) -> Obj | None: ...


class _Problem(Exception):
    """Why a claim cannot be used now."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a claim's volume is on the machine, and whether the pod may only read it."""

    path: Path
    read_only: bool


class PersistentVolumes:
    """``directory``: where the node's own volumes are, each below the name of its PersistentVolume."""

    def __init__(self, storage: Storage, node_name: str, directory: Path) -> None:
        self._storage = storage
        self._node_name = node_name
        self._directory = directory
        self._places: dict[tuple[str, str], Place] = {}  # by pod's uid and volume's name

    @staticmethod
    def concerns(volume: Obj) -> bool:
        """Does a pod's volume come from a claim?"""
        return "persistentVolumeClaim" in volume or "ephemeral" in volume

    def place(self, pod: Obj, volume: Obj) -> Place | None:
        """Of a volume that is prepared."""
        return self._places.get((uid_of(pod), volume["name"]))

    def forget(self, uid: str) -> None:
        for key in [key for key in self._places if key[0] == uid]:
            del self._places[key]

    async def prepare(self, pod: Obj, volume: Obj) -> None:
        """Find the volume and make it ready. Raises MachineFailure, OSError and ConfigProblem."""
        try:
            found = await self._volume_of(pod, volume)
        except _Problem as problem:
            name = volume["name"]
            text = f"unmounted volumes=[{name}], unattached volumes=[], failed to process volumes=[{name}]: {problem}"
            raise MachineFailure("FailedMount", f"Unable to attach or mount volumes: {text}") from problem
        try:
            path = await self._set_up(found)
            read_only = bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))
            if not read_only and "local" in found["spec"]:
                await _give_to_group(path, pod)
        except _Problem as problem:
            text = f'MountVolume.SetUp failed for volume "{name_of(found)}" : {problem}'
            raise MachineFailure("FailedMount", text) from problem
        self._places[uid_of(pod), volume["name"]] = Place(path, read_only)

    # From the pod to the PersistentVolume

    async def _volume_of(self, pod: Obj, volume: Obj) -> Obj:
        namespace = namespace_of(pod)
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName") or f"{name_of(pod)}-{volume['name']}"
        claim = await self._storage.claim(namespace, name)
        try:
            if claim is None:
                text = f'persistentvolumeclaims "{name}" not found'
                raise _Problem(f"failed to fetch PVC from API server: {text}")
            _check_claim(claim, pod, is_ephemeral="ephemeral" in volume)
        except _Problem as problem:
            raise _Problem(f"error processing PVC {namespace}/{name}: {problem}") from problem
        found = await self._storage.volume(claim["spec"]["volumeName"])
        if found is None:
            raise _Problem(f'failed to fetch PV "{claim["spec"]["volumeName"]}" from API server: not found')
        if ((found["spec"].get("claimRef") or {}).get("uid") or "") != uid_of(claim):
            raise _Problem(f'PersistentVolume "{name_of(found)}" is bound to another claim than {namespace}/{name}')
        return found

    # From the PersistentVolume to a path

    async def _set_up(self, volume: Obj) -> Path:
        spec = volume["spec"]
        if spec.get("volumeMode") == "Block":
            raise _Problem("unsupported volumeMode Block: this node mounts file systems only")
        await self._check_affinity(volume)
        if "hostPath" in spec:
            path = spec["hostPath"]["path"]
            hostpath.prepare(path, spec["hostPath"].get("type") or "")
            return Path(path)
        if "local" not in spec:
            kind = next((field for field in sorted(spec) if field in SOURCES), "")
            driver = f" ({spec['csi'].get('driver')})" if kind == "csi" else ""
            raise _Problem(f"unsupported volume type {kind}{driver}: this node mounts hostPath and local volumes only")
        return self._local(volume)

    async def _check_affinity(self, volume: Obj) -> None:
        required = (volume["spec"].get("nodeAffinity") or {}).get("required")
        if not required:
            return
        node = await self._storage.node(self._node_name)
        labels = labels_of(node) if node else {}
        terms = required.get("nodeSelectorTerms") or ()
        if not any(term_allows(term, labels, self._node_name) for term in terms):
            raise _Problem("node affinity check failed: no matching NodeSelectorTerms")

    def _local(self, volume: Obj) -> Path:
        path = Path(volume["spec"]["local"]["path"])
        if is_on(volume, self._node_name) and path == self._directory / name_of(volume):
            self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
            if not path.is_dir():
                path.mkdir()
                path.chmod(0o777)  # whoever the containers run as
        if not path.exists():
            raise _Problem(f'path "{path}" does not exist')
        if not path.is_dir():
            raise _Problem(f'path "{path}" is not a directory: block devices are not supported')
        return path


def _check_claim(claim: Obj, pod: Obj, is_ephemeral: bool) -> None:
    if is_ephemeral and not is_controlled_by(claim, pod):
        place = f"{namespace_of(pod)}/"
        raise _Problem(f"PVC {place}{name_of(claim)} was not created for pod {place}{name_of(pod)} (pod is not owner)")
    if is_deleting(claim):
        raise _Problem("PVC is being deleted")
    if (claim.get("status") or {}).get("phase") != "Bound":
        raise _Problem("PVC is not bound")
    if not claim["spec"].get("volumeName"):
        raise _Problem("PVC has empty pvc.Spec.VolumeName")


async def _give_to_group(path: Path, pod: Obj) -> None:
    security = pod["spec"].get("securityContext") or {}
    if (group := security.get("fsGroup")) is not None:
        await asyncio.to_thread(ownership.give, path, group, security.get("fsGroupChangePolicy") or "Always")
