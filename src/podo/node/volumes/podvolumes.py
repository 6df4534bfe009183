"""All volumes of a pod: made ready, kept up to date, mounted into containers, and taken away."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.node.environment import ConfigProblem, expand
from podo.node.machine import MachineFailure
from podo.node.runtimes.contract import FileSystem, Mount
from podo.node.volumes import atomicwriter, emptydir, hostpath, mounting, projected, subpath
from podo.node.volumes.credentialdisk import CredentialDisk
from podo.node.volumes.persistent import PersistentVolumes, Place

#: Kinds of volumes that are written from objects of the API.
WRITTEN = ("configMap", "secret", "downwardAPI", "projected")
#: Of those, the kinds that are never on a disk.
IN_MEMORY = ("secret", "downwardAPI", "projected")
#: Pods whose directories are removed at the same time: each takes a thread, which others need, too.
REMOVALS_AT_ONCE = 2

#: As upstream since 1.33: cloning a stranger's repository on the node runs its hooks (CVE-2024-10220).
_NO_REPOSITORIES = (
    "git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate "
    "`GitRepoVolumeDriver`"
)


class PodVolumes:
    """``root``: where the pods' directories are. ``capacity``: the node's, for resourceFieldRef. ``persistent``: what
    finds claims' volumes. ``credentials``: what secret volumes are on, if not on ``root``'s disk."""

    def __init__(
        self,
        root: Path,
        lookup: projected.VolumeLookup,
        capacity: Mapping[str, int],
        persistent: PersistentVolumes | None = None,
        credentials: CredentialDisk | None = None,
    ) -> None:
        self._credentials = credentials
        self._persistent = persistent
        self._root = root
        self._lookup = lookup
        self._capacity = capacity
        self._removals = asyncio.Semaphore(REMOVALS_AT_ONCE)

    def directory(self, uid: str) -> Path:
        return self._root / uid

    def path(self, pod: Obj, volume: Obj) -> Path:
        """Where a volume is on the machine."""
        if "hostPath" in volume:
            return Path(volume["hostPath"]["path"])
        if place := self._place(pod, volume):
            return place.path
        kind = next((key for key in (*WRITTEN, "image") if key in volume), "emptyDir")
        below = Path("volumes", f"kubernetes.io~{kind.lower()}", volume["name"])
        if kind in IN_MEMORY and self._credentials:
            return self._credentials.directory / uid_of(pod) / below
        return self.directory(uid_of(pod)) / below

    def _place(self, pod: Obj, volume: Obj) -> Place | None:
        """Of a claim's volume."""
        return self._persistent.place(pod, volume) if self._persistent else None

    async def prepare(self, pod: Obj) -> None:
        """Make every volume ready. Raises MachineFailure with the first that cannot be."""
        for volume in pod["spec"].get("volumes") or ():
            try:
                await self._prepare(pod, volume)
            except (ConfigProblem, OSError, ValueError) as problem:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
                raise MachineFailure("FailedMount", text) from problem

    async def refresh(self, pod: Obj) -> None:
        """Write again what is made from objects of the API. Raises MachineFailure."""
        for volume in pod["spec"].get("volumes") or ():
            if any(kind in volume for kind in WRITTEN):
                try:
                    await self._prepare(pod, volume)
                except (ConfigProblem, OSError, ValueError) as problem:
                    raise MachineFailure("FailedMount", f'volume "{volume["name"]}": {problem}') from problem

    async def _prepare(self, pod: Obj, volume: Obj) -> None:
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        path = self.path(pod, volume)
        if any(kind in volume for kind in WRITTEN):
            files = await projected.files_of(volume, pod, self._lookup, self._capacity)
            if self._credentials and "configMap" not in volume:
                self._credentials.ensure()
            atomicwriter.write(path, files, group)
        elif "image" in volume:
            return  # with the first container that mounts it: it may have to be pulled
        elif "hostPath" in volume:
            hostpath.prepare(str(path), volume["hostPath"].get("type") or "")
        elif self._persistent and self._persistent.concerns(volume):
            await self._persistent.prepare(pod, volume)
        elif "emptyDir" in volume or len(volume) == 1:
            emptydir.prepare(path, volume.get("emptyDir") or {}, group)
        else:
            kind = next(key for key in volume if key != "name")
            if kind == "gitRepo":
                raise ConfigProblem(_NO_REPOSITORIES)
            raise ConfigProblem(f"{kind} volumes are not supported by this node yet")

    def mounts(self, pod: Obj, container: Obj, environment: Mapping[str, str]) -> list[Mount]:
        """What the container's volumeMounts become. Raises MachineFailure."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        found = []
        for index, wanted in enumerate(container.get("volumeMounts") or ()):
            volume = volumes.get(wanted["name"])
            if volume is None:
                raise MachineFailure("FailedMount", f'volume "{wanted["name"]}" is not defined')
            found.append(self._mount(pod, container, volume, wanted, index, environment))
        return found

    def _mount(
        self, pod: Obj, container: Obj, volume: Obj, wanted: Obj, index: int, environment: Mapping[str, str]
    ) -> Mount:
        path = self.path(pod, volume)
        part = expand(wanted.get("subPathExpr") or "", environment) or wanted.get("subPath") or ""
        if part:
            target = self.directory(uid_of(pod)) / "volume-subpaths" / volume["name"] / container["name"] / str(index)
            try:
                subpath.bind_part(path, part, target)
            except (ConfigProblem, OSError) as problem:
                raise MachineFailure("FailedMount", str(problem)) from problem
            path = target
        place = self._place(pod, volume)
        only_read = any(kind in volume for kind in (*WRITTEN, "image")) or (place is not None and place.read_only)
        return Mount(
            str(path),
            wanted["mountPath"],
            read_only=bool(wanted.get("readOnly")) or only_read,
            propagation=wanted.get("mountPropagation") or "None",
        )

    def mount_image(self, pod: Obj, volume: Obj, found: FileSystem) -> None:
        """Mount an image where its volume is. Raises MachineFailure."""
        path = self.path(pod, volume)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not os.path.ismount(path):
                mounting.mount_image(found.type, found.source, found.options, path)
        except (OSError, ValueError) as problem:
            text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
            raise MachineFailure("FailedMount", text) from problem

    def has_images(self, uid: str) -> bool:
        """Has the pod had image volumes?"""
        return (self.directory(uid) / "volumes" / "kubernetes.io~image").is_dir()

    def exceeded(self, pod: Obj) -> str:
        """The first emptyDir on disk that has grown beyond its sizeLimit, in the words of an eviction; "" for none."""
        for volume in pod["spec"].get("volumes") or ():
            source = volume.get("emptyDir") or {}
            limit = source.get("sizeLimit")
            if limit and source.get("medium") != "Memory" and emptydir.is_larger(self.path(pod, volume), str(limit)):
                return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
        return ""

    def unmount(self, uid: str) -> None:
        """Whatever is mounted in the pod's directory."""
        for point in mounting.mounts_below(self.directory(uid)):
            mounting.unmount(point)

    async def clean_up(self, uid: str, everything: bool) -> None:
        """Unmount and remove. What is on the machine's own paths (hostPath) and claims' volumes are left alone."""
        if self._persistent:
            self._persistent.forget(uid)
        directory = self.directory(uid)
        if self._credentials:
            self._credentials.remove(uid)
        if not directory.exists():
            return
        self.unmount(uid)
        doomed = [directory] if everything else [directory / "volume-subpaths", directory / "volumes"]
        async with self._removals:
            await asyncio.to_thread(_remove, doomed)  # an emptyDir may be large


def _remove(directories: Sequence[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
