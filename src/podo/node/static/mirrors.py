"""Mirror pods: what the API shows of static pods. Each is made, told the pod's status, made anew when somebody deletes
it or the manifest changes, and removed when the static pod is gone.

What the API cannot be told now is tried again; the pod runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of, namespace_of, revision_of, uid_of
from podo.api.parts.pod_annotations import MIRROR
from podo.client.contract import Client, Unreachable
from podo.client.index import Place, place_of
from podo.node.static.mirroring import Make, Remove, Step, Tell, next_step
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

log = Logger("podo.node.static")

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 10.0
#: Of so many places it is remembered which mirror was removed there last.
MOST_REMEMBERED = 1024


def is_mirror(pod: Obj) -> bool:
    return MIRROR in annotations_of(pod)


class Mirrors:
    """``node``: the Node as it is now, without a uid until it is registered."""

    def __init__(self, client: Client, name: str, node: Callable[[], Obj]) -> None:
        self._client = client
        self._name = name
        self._node = node
        self._pods: dict[Place, Obj] = {}  # the static pods
        self._mirrors: dict[Place, Obj] = {}  # as the API last told of them
        self._removed: dict[Place, str] = {}  # uids of those that were removed last: late news of them is no news
        self._busy: set[Place] = set()
        self._listed = False
        self._tasks = Tasks(f"node/{name}/mirrors")

    async def stop(self) -> None:
        self._listed = False  # who tells of a pod from now on begins nothing
        await self._tasks.stop()

    def show(self, pod: Obj) -> None:
        """There is this static pod, with this status."""
        self._pods[place_of(pod)] = pod
        self._look(place_of(pod))

    def hide(self, pod: Obj) -> None:
        """The static pod is gone."""
        self._pods.pop(place_of(pod), None)
        self._look(place_of(pod))

    def changed(self, mirror: Obj, gone: bool) -> None:
        """News from the API."""
        place = place_of(mirror)
        known = self._mirrors.get(place)
        if gone:
            if known is not None and uid_of(known) == uid_of(mirror):
                del self._mirrors[place]
        elif self._removed.get(place) != uid_of(mirror):
            self._know(place, mirror)
        self._look(place)

    def listed(self) -> None:
        """The node is registered, and all mirrors that the API has are known: from now on it is told."""
        self._listed = True
        for place in {*self._pods, *self._mirrors}:
            self._look(place)

    def _step(self, place: Place) -> Step | None:
        return next_step(self._pods.get(place), self._mirrors.get(place), self._node())

    def _look(self, place: Place) -> None:
        if self._listed and place not in self._busy and self._step(place):
            self._busy.add(place)
            self._tasks.spawn(self._bring(place), "/".join(place))

    async def _bring(self, place: Place) -> None:
        """Step by step, until the API shows what there is."""
        wait = FIRST_RETRY_SECONDS
        try:
            while step := self._step(place):
                if await self._tried(place, step):
                    wait = FIRST_RETRY_SECONDS
                else:
                    await sleep(wait)
                    wait = min(2 * wait, LONGEST_RETRY_SECONDS)
        finally:
            self._busy.discard(place)

    async def _tried(self, place: Place, step: Step) -> bool:
        try:
            await self._take(place, step)
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            what = type(step).__name__.lower()
            log.warning("mirror pod: will try again", pod="/".join(place), what=what, why=str(failure))
            return False
        return True

    async def _take(self, place: Place, step: Step) -> None:
        match step:
            case Make():
                await self._make(place, step.mirror)
            case Tell():
                await self._tell(place, step.patch)
            case Remove():
                await self._remove(place, step.uid)

    async def _make(self, place: Place, mirror: Obj) -> None:
        try:
            self._know(place, await self._client.create(mirror))
        except ApiError as refusal:
            if refusal.reason != "AlreadyExists":
                raise
            found = await self._client.get("Pod", name_of(mirror), namespace_of(mirror))
            if is_mirror(found) and found["spec"].get("nodeName") == self._name:
                self._know(place, found)
            raise  # it is another pod's name, or one that is about to go, or the watch is late

    async def _tell(self, place: Place, patch: Obj) -> None:
        namespace, name = place
        try:
            told = await self._client.patch("Pod", name, namespace, patch=patch, type="strategic", subresource="status")
        except ApiError as refusal:
            if refusal.reason not in ("NotFound", "Conflict"):
                raise
            self._forget(place, patch["metadata"]["uid"])
        else:
            self._know(place, told)

    async def _remove(self, place: Place, uid: str) -> None:
        namespace, name = place
        try:
            await self._client.delete("Pod", name, namespace, grace_seconds=0, uid=uid)
        except ApiError as refusal:
            if refusal.reason not in ("NotFound", "Conflict"):
                raise
        self._forget(place, uid)

    def _know(self, place: Place, mirror: Obj) -> None:
        known = self._mirrors.get(place)
        if known is None or revision_of(mirror) > revision_of(known):
            self._mirrors[place] = mirror

    def _forget(self, place: Place, uid: str) -> None:
        self._removed[place] = uid
        if len(self._removed) > MOST_REMEMBERED:
            self._removed.pop(next(iter(self._removed)))
        known = self._mirrors.get(place)
        if known is not None and uid_of(known) == uid:
            del self._mirrors[place]
