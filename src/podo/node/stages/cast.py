"""The cast of one simulated node: which stage each of its pods plays, and what was drawn for it.

The machine introduces a pod before its sandbox is made; the runtime, which knows of containers only, asks by the uid.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.node import podspec
from podo.node.runtimes.contract import RuntimeFailure
from podo.node.stages.stage import NO_STAGES, Behaviour, Run, Stage, Stages

T = TypeVar("T")

#: Pods and images that are remembered: more than a node has.
MOST_PODS, MOST_IMAGES = 10_000, 10_000
UNSTAGED = Behaviour()


class Part(NamedTuple):
    """One run of a container of a pod."""

    uid: str
    container: str
    attempt: int
    is_init: bool


class Cast:
    """Nothing of it is asked for where there are no stages."""

    def __init__(self, stages: Stages = NO_STAGES, node: str = "") -> None:
        self._stages = stages
        self._node = node
        self._plays: dict[str, Stage | None] = {}  # by uid
        self._pulls: dict[str, tuple[Stage, int]] = {}  # by image: who asks for it, and pulls that were tried

    @property
    def is_empty(self) -> bool:
        return not self._stages.stages

    def meet(self, pod: Obj) -> Stage | None:
        """The pod's stage, from now on the same for its whole life."""
        uid = uid_of(pod)
        if self.is_empty or uid in self._plays:
            return self._plays.get(uid)
        stage = self._plays[uid] = self._stages.of(pod)
        _shorten(self._plays, MOST_PODS)
        if stage is not None:
            for container in podspec.all_containers(pod):
                image = container.get("image", "")
                self._pulls[image] = stage, self._pulls.get(image, (stage, 0))[1]
            _shorten(self._pulls, MOST_IMAGES)
        return stage

    def resume(self, uid: str, stage: str) -> None:
        """A pod that was here before plays what it played."""
        self._plays[uid] = self._stages.named(stage)

    def forget(self, uid: str) -> None:
        self._plays.pop(uid, None)

    def stage_name(self, uid: str) -> str:
        """ "" for a pod that plays none."""
        stage = self._plays.get(uid)
        return stage.name if stage else ""

    def behaviour(self, part: Part) -> Behaviour:
        stage = self._plays.get(part.uid)
        return stage.behaviour_of(part.container, part.is_init) if stage else UNSTAGED

    # Draws

    def start_seconds(self, part: Part) -> float:
        start = self.behaviour(part).start
        return start.draw("start", self._stages.seed, part) if start else 0.0

    def ready_seconds(self, part: Part) -> float:
        ready = self.behaviour(part).ready
        return ready.draw("ready", self._stages.seed, part) if ready else 0.0

    def run(self, part: Part) -> Run | None:
        return self.behaviour(part).run_of(part.attempt, self._stages.seed, part)

    def pull_seconds(self, image: str) -> float:
        """How long the pull of an image takes that a pod here asks for. Raises RuntimeFailure for one that fails."""
        found = self._pulls.get(image)
        if found is None:
            return 0.0
        stage, tried = found
        self._pulls[image] = stage, tried + 1
        purpose = (self._stages.seed, self._node, image, tried)
        if stage.pull.fails(*purpose):
            raise RuntimeFailure("unavailable", f'failed to pull image "{image}": the registry does not answer')
        return stage.pull.seconds.draw("pull", *purpose) if stage.pull.seconds else 0.0


def _shorten(known: dict[str, T], most: int) -> None:
    while len(known) > most:
        del known[next(iter(known))]
