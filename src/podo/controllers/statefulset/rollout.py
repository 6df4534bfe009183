"""A StatefulSet's pods by number, and which of them must be made, deleted or replaced next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of
from podo.controllers.podstate import is_ready, phase_of, seconds_until_available
from podo.controllers.replicaset import replicas_of
from podo.controllers.revisions import History
from podo.controllers.statefulset.identity import ordinal_of, revision_of, start_of
from podo.values.intstr import scaled


@dataclass(frozen=True, slots=True)
class Rollout:
    """``pods``: by number, those that should be there. ``condemned``: too many, the highest number first."""

    statefulset: Obj
    pods: dict[int, Obj]
    condemned: list[Obj]
    history: History
    now: float

    @property
    def update(self) -> Obj:
        """The revision of the present template."""
        return self.history.current

    @property
    def current(self) -> Obj:
        """The revision that the last finished rollout came to."""
        name = (self.statefulset.get("status") or {}).get("currentRevision")
        known = (*self.history.same, *self.history.old, self.history.current)
        return next((revision for revision in known if name_of(revision) == name), self.history.current)

    @property
    def numbers(self) -> range:
        start = start_of(self.statefulset)
        return range(start, start + replicas_of(self.statefulset))

    @property
    def is_ordered(self) -> bool:
        return bool(self.statefulset["spec"].get("podManagementPolicy") != "Parallel")

    @property
    def all(self) -> list[Obj]:
        return [*self.pods.values(), *self.condemned]

    def revision_for(self, number: int) -> Obj:
        """Of which revision a new pod of this number must be."""
        partition = start_of(self.statefulset) + int(_rolling(self.statefulset).get("partition") or 0)
        rolls = self.statefulset["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        return self.current if rolls and number < partition else self.update

    def is_updated(self, pod: Obj) -> bool:
        return revision_of(pod) in {name_of(revision) for revision in (self.update, *self.history.same)}

    def is_available(self, pod: Obj) -> bool:
        minimum = int(self.statefulset["spec"].get("minReadySeconds") or 0)
        return is_running_and_ready(pod) and seconds_until_available(pod, minimum, self.now) == 0

    def is_up(self, number: int) -> bool:
        """Is the pod of this number there, available, and to stay?"""
        pod = self.pods.get(number)
        return pod is not None and not is_deleting(pod) and self.is_available(pod)


def _rolling(statefulset: Obj) -> Obj:
    return (statefulset["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def is_running_and_ready(pod: Obj) -> bool:
    return phase_of(pod) == "Running" and is_ready(pod)


def sorted_out(statefulset: Obj, held: list[Obj], history: History, now: float) -> Rollout:
    pods: dict[int, Obj] = {}
    condemned = []
    wanted = range(start_of(statefulset), start_of(statefulset) + replicas_of(statefulset))
    for pod in held:
        number = ordinal_of(statefulset, pod)
        if number in wanted:
            pods[number] = pod
        elif number >= 0:
            condemned.append(pod)
    condemned.sort(key=lambda pod: -ordinal_of(statefulset, pod))
    return Rollout(statefulset, dict(sorted(pods.items())), condemned, history, now)


def first_unhealthy(rollout: Rollout) -> Obj | None:
    """The pod of the lowest number that is not healthy; of the condemned, the highest."""
    living = (*rollout.pods.values(), *rollout.condemned[::-1])
    return next((pod for pod in living if not is_running_and_ready(pod) or is_deleting(pod)), None)


def blocks(rollout: Rollout, number: int) -> bool:
    """Must what comes after this number wait for its pod?"""
    return rollout.is_ordered and not rollout.is_up(number)


def to_condemn(rollout: Rollout) -> Iterator[Obj]:
    """Pods beyond the wanted number, one after the other where ordered. A broken one goes before healthy ones wait."""
    unhealthy = first_unhealthy(rollout)
    for pod in rollout.condemned:
        if is_deleting(pod):
            if rollout.is_ordered:
                return
            continue
        if rollout.is_ordered and not rollout.is_available(pod) and pod is not unhealthy:
            return
        yield pod
        if rollout.is_ordered:
            return


def to_replace(rollout: Rollout) -> Iterator[Obj]:
    """Pods of an old revision that may go now, from the highest number down to the partition.

    Of a parallel set those that are unavailable anyway go first, and all at once: a rollout that comes to nothing can
    be taken back.
    """
    statefulset = rollout.statefulset
    if statefulset["spec"]["updateStrategy"]["type"] != "RollingUpdate":
        return
    partition = start_of(statefulset) + int(_rolling(statefulset).get("partition") or 0)
    most = scaled(_rolling(statefulset).get("maxUnavailable") or 1, replicas_of(statefulset), round_up=False) or 1
    room = most - sum(not rollout.is_up(number) for number in rollout.numbers)
    pods = [rollout.pods[number] for number in reversed(rollout.numbers) if number in rollout.pods]
    old = [
        pod
        for pod in pods
        if ordinal_of(statefulset, pod) >= partition and not rollout.is_updated(pod) and not is_deleting(pod)
    ]
    if not rollout.is_ordered:
        yield from (pod for pod in old if not rollout.is_available(pod))
    yield from [pod for pod in old if rollout.is_available(pod)][: max(0, room)]
