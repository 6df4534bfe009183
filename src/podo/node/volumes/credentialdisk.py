"""Where Secrets, tokens and keys in volumes are: one tmpfs for all pods of a node, a directory a pod in it.

One mount in all, instead of one a volume: pods start and end without any. It outlives the agent, which finds it again,
and goes with the last pod that has something here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from podo.node.volumes import mounting

#: At most so much of the machine's memory, and never less than this, so that a small machine can run pods.
MEMORY_PART, LEAST_BYTES = 8, 64 << 20


class CredentialDisk:
    """``memory``: the machine's, bytes."""

    def __init__(self, directory: Path, memory: int) -> None:
        self.directory = directory
        self._size = max(memory // MEMORY_PART, LEAST_BYTES)
        self._mounted = False

    def ensure(self) -> None:
        """Mount it unless it is; to be called right before something is written. Raises OSError: then nothing may be
        written, to the disk least of all."""
        if self._mounted:
            return
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.ismount(self.directory):
            mounting.mount_memory(self.directory, self._size)
        self._mounted = True

    def remove(self, uid: str) -> None:
        """What a pod had here; and the tmpfs, if that was the last."""
        shutil.rmtree(self.directory / uid, ignore_errors=True)
        if os.path.ismount(self.directory) and not self.pods():
            mounting.unmount(self.directory)
            self._mounted = False

    def pods(self) -> set[str]:
        """The uids of pods that something is here of."""
        return {entry.name for entry in os.scandir(self.directory)} if self.directory.is_dir() else set()
