"""The manifests of static pods for simulated nodes: one look for all nodes of the process, of which there may be
thousands. Followed is the directory that ``podo up --pod-manifest-path`` named, else the directories of single nodes
that were there when the cluster started; where there are none, nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import listdir

from podo.cluster.config import Config
from podo.node.static.directory import LOOK_SECONDS, Files, ManifestDirectory
from podo.runtime.crowd import turn
from podo.runtime.tasks import Tasks, sleep

#: Stands for all nodes.
ALL = ""


class NodeManifests:
    """``take`` is given a node's name and its manifests when they have changed."""

    def __init__(self, config: Config, take: Callable[[str, Files], None]) -> None:
        self._config = config
        self._take = take
        self._directories = {name: ManifestDirectory(config.manifests(name)) for name in _followed(config)}
        self._tasks = Tasks("manifests")

    async def start(self) -> None:
        """Look now, before the nodes start, and from now on."""
        if self._directories:
            await self._look()
            self._tasks.spawn(self._follow(), "follow")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _follow(self) -> None:
        while True:
            await sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        for name, files in self._changed():
            self._take(name, files)
            await turn()

    def _changed(self) -> Iterator[tuple[str, Files]]:
        for name, directory in self._directories.items():
            if (files := directory.look()) is not None:
                yield from ((each, files) for each in (self._config.node_names if name == ALL else (name,)))


def _followed(config: Config) -> list[str]:
    if config.pod_manifest_path:
        return [ALL]
    try:
        found = set(listdir(config.layout.nodes))
    except OSError:
        return []
    return [name for name in config.node_names if name in found and config.manifests(name).is_dir()]
