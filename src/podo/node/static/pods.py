"""The static pods of a node: from the files in the directory of manifests to what runs, and to its mirrors.

A pod whose file has gone is ended; one whose file has changed too, and the new one starts when the old one is gone.
What is wrong with a file is told once, in the log and by an Event of the node; its pod does not run.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.client.index import Place, place_of
from podo.node.static.directory import LOOK_SECONDS, Files, ManifestDirectory
from podo.node.static.mirrors import Mirrors
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.node.static")


class StaticPods:
    """``begin`` runs a pod; ``end`` ends the one of a uid, after which ``ended`` is called. ``tell`` records what is
    wrong as an Event (reason, message)."""

    def __init__(
        self,
        node: str,
        clock: Clock,
        mirrors: Mirrors,
        begin: Callable[[Obj], None],
        end: Callable[[str], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._node = node
        self._clock = clock
        self._mirrors = mirrors
        self._begin = begin
        self._end = end
        self._tell = tell
        self._wanted: dict[Place, Obj] = {}
        self._running: dict[Place, Obj] = {}
        self._tasks = Tasks(f"node/{node}/static")

    def start(self, directory: ManifestDirectory) -> None:
        """Take what is there now, and follow it."""
        self._look(directory)
        self._tasks.spawn(self._follow(directory), "manifests")

    async def stop(self) -> None:
        await self._tasks.stop()
        await self._mirrors.stop()

    async def _follow(self, directory: ManifestDirectory) -> None:
        while True:
            await sleep(LOOK_SECONDS)
            self._look(directory)

    def _look(self, directory: ManifestDirectory) -> None:
        if (files := directory.look()) is not None:
            self.take(files)

    def take(self, files: Files) -> None:
        """These are all manifests that there are."""
        self._wanted = self._read(files)
        for place, pod in tuple(self._running.items()):
            wanted = self._wanted.get(place)
            if wanted is None or uid_of(wanted) != uid_of(pod):
                self._end(uid_of(pod))
        for place in self._wanted.keys() - self._running.keys():
            self._start(place)

    def _read(self, files: Files) -> dict[Place, Obj]:
        if not files:
            return {}
        from podo.node.static.manifest import pods_of  # only where there are any

        pods, problems = pods_of(files, self._node, self._clock.now())
        for path, problem in problems:
            log.error("cannot process a manifest", file=path, why=problem)
            self._tell("FailedValidation", f"Can't process manifest file {path}: {problem}")
        return {place_of(pod): pod for pod in pods}

    def _start(self, place: Place) -> None:
        pod = self._running[place] = self._wanted[place]
        self._mirrors.show(pod)
        self._begin(pod)

    def ended(self, pod: Obj) -> None:
        """Nothing is left of a pod on the node."""
        place = place_of(pod)
        running = self._running.get(place)
        if running is None or uid_of(running) != uid_of(pod):
            return
        del self._running[place]
        if place in self._wanted:
            self._start(place)
        else:
            self._mirrors.hide(pod)
