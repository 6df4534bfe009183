"""Takes away volumes that ``podo.dev/local`` has provisioned on this node and whose claims are gone: the directory
first, then the PersistentVolume.

Nothing is removed but a directory below the node's own, by the name of a PersistentVolume that the API says is to go.
Event: VolumeFailedDelete.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, uid_of
from podo.api.parts.localvolume import NODE_LABEL, is_on, is_to_go
from podo.client.cache import Cache, CacheChange
from podo.client.contract import Client, Unreachable
from podo.client.events import Recorder
from podo.client.reflector import Source
from podo.node.volumes import mounting
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks, sleep

#: Seconds between two tries: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 1.0, 120.0
#: What is being removed has this before its name: no PersistentVolume's name begins so.
_GOING = ".going-"


class VolumeRemoval:
    """``directory``: where the node's volumes are."""

    def __init__(
        self, client: Client, node_name: str, directory: Path, clock: Clock, chance: Chance, recorder: Recorder
    ) -> None:
        self._client = client
        self._node_name = node_name
        self._directory = directory
        self._recorder = recorder
        source = Source("PersistentVolume", labels=f"{NODE_LABEL}={node_name}")
        self._volumes = Cache(client, [source], clock=clock, chance=chance)
        self._tasks = Tasks(f"volumes/{node_name}")
        self._going: set[str] = set()

    async def start(self) -> None:
        self._volumes.subscribe(self._changed)
        await self._volumes.start()

    async def stop(self) -> None:
        await self._volumes.stop()
        await self._tasks.stop()

    def _changed(self, kind: str, revision: int, changes: list[CacheChange]) -> None:
        for change in changes:
            volume = change.new
            if volume is not None and self._is_ours_to_remove(volume) and uid_of(volume) not in self._going:
                self._going.add(uid_of(volume))
                self._tasks.spawn(self._until_gone(volume), name_of(volume))

    def _is_ours_to_remove(self, volume: Obj) -> bool:
        path = (volume["spec"].get("local") or {}).get("path")
        ours = is_on(volume, self._node_name) and path == str(self._directory / name_of(volume))
        return ours and is_to_go(volume)

    async def _until_gone(self, volume: Obj) -> None:
        wait = FIRST_WAIT
        try:
            while not await self._tried(volume):
                await sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        finally:
            self._going.discard(uid_of(volume))

    async def _tried(self, volume: Obj) -> bool:
        """One try; is there nothing left to do? What the cache says may be old: the API is asked once more."""
        name = name_of(volume)
        try:
            newest = await self._client.get("PersistentVolume", name)
            if uid_of(newest) != uid_of(volume) or not self._is_ours_to_remove(newest):
                return True
            await asyncio.to_thread(remove, self._directory, name)
            await self._client.delete("PersistentVolume", name, uid=uid_of(volume))
        except ApiError as refusal:
            if refusal.reason == "NotFound":
                return True
            self._recorder.tell(volume, "VolumeFailedDelete", str(refusal), "Warning")
            return False
        except OSError as failure:
            self._recorder.tell(volume, "VolumeFailedDelete", str(failure), "Warning")
            return False
        except (Unreachable, TimeoutError):
            return False
        return True


def remove(directory: Path, name: str) -> None:
    """Remove ``directory/name`` with all that is in it; links in it are removed, not followed. Raises OSError.

    It gets another name first: a volume is there or not, and never half. What is mounted below is not entered.
    """
    if not name or name.startswith(".") or "/" in name:
        raise OSError(f"{name!r} is no name of a volume")
    if mounted := [point for each in (name, _GOING + name) for point in mounting.mounts_below(directory / each)]:
        raise OSError(f"{mounted[0]} is mounted")
    try:
        root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # no volume was ever used here
    try:
        _remove(root, _GOING + name)  # what an earlier try has left
        try:
            os.rename(name, _GOING + name, src_dir_fd=root, dst_dir_fd=root)
        except FileNotFoundError:
            return
        _remove(root, _GOING + name)
    finally:
        os.close(root)


def _remove(root: int, name: str) -> None:
    try:
        shutil.rmtree(name, dir_fd=root)
    except FileNotFoundError:
        return
