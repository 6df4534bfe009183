"""A stage: which pods it is for, and how their containers behave. Pure.

A pod plays the first stage that selects it. What a stage leaves out is as without stages: starts at once, ready at
once, runs for ever, uses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import annotations_of, labels_of, namespace_of
from podo.node.stages.draw import Seconds, fraction
from podo.values.selector import Selector

#: The annotation by which a pod chooses a stage itself.
CHOSEN = "podo.dev/stage"


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that ends badly: with ``probability``, in the first ``times`` runs of a container (None: in all)."""

    probability: float = 1.0
    times: int | None = None
    after: Seconds | None = None  # since the start; None: when it would have ended well, or at once
    exit_code: int = 1

    def happens(self, attempt: int, *purpose: object) -> bool:
        if self.times is not None and attempt >= self.times:
            return False
        return fraction("failure", *purpose) < self.probability


@dataclass(frozen=True, slots=True)
class Step:
    """From so many seconds after the start on, a container uses so much. CPU in thousandths, memory in bytes."""

    after: float
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class Run:
    """How one run of a container goes. ``lasts``: seconds; None for ever."""

    lasts: float | None
    exit_code: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does. None: not said."""

    start: Seconds | None = None
    ready: Seconds | None = None
    run: Seconds | None = None
    exit_code: int | None = None
    stop_code: int | None = None
    failure: Failure | None = None
    usage: tuple[Step, ...] = ()

    def run_of(self, attempt: int, *purpose: object) -> Run | None:
        """How a run goes (the first is attempt 0); None where nothing is said. ``purpose`` tells runs apart."""
        lasts = self.run.draw("run", *purpose) if self.run else None
        if self.failure and self.failure.happens(attempt, *purpose):
            after = self.failure.after
            drawn = after.draw("failure-after", *purpose) if after else lasts or 0.0
            return Run(drawn, self.failure.exit_code)
        return None if lasts is None else Run(lasts, self.exit_code or 0)

    def cpu_nanos(self, ran: float) -> int:
        """CPU time of a container that has run for ``ran`` seconds."""
        ends = [*(step.after for step in self.usage[1:]), ran]
        spent = sum(
            step.cpu * max(0.0, min(end, ran) - step.after) for step, end in zip(self.usage, ends, strict=False)
        )
        return int(spent * 1_000_000)

    def memory(self, ran: float) -> int:
        return next((step.memory for step in reversed(self.usage) if step.after <= ran), 0)


@dataclass(frozen=True, slots=True)
class Pull:
    """How long an image takes to pull, and how probable it is that a pull fails."""

    seconds: Seconds | None = None
    failure_probability: float = 0.0

    def fails(self, *purpose: object) -> bool:
        return self.failure_probability > 0 and fraction("pull-failure", *purpose) < self.failure_probability


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pods: all that is given must hold."""

    labels: Selector | None = None
    owner_kinds: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()

    def matches(self, pod: Obj) -> bool:
        if self.namespaces and namespace_of(pod) not in self.namespaces:
            return False
        if self.owner_kinds and self.owner_kinds.isdisjoint(_owner_kinds(pod)):
            return False
        return self.labels is None or self.labels.matches(labels_of(pod))


def _owner_kinds(pod: Obj) -> list[str]:
    """The kind of the controller; "" for a pod of nobody's."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return [owner["kind"] for owner in owners if owner.get("controller")] or [""]


@dataclass(frozen=True, slots=True)
class Stage:
    """``behaviour`` is that of a pod's containers and sidecars; ``containers`` speaks of single ones by name, and of
    init containers always so."""

    name: str
    selection: Selection = Selection()
    pull: Pull = Pull()
    behaviour: Behaviour = Behaviour()
    containers: Mapping[str, Behaviour] = field(default_factory=dict)

    def behaviour_of(self, container: str, is_init: bool) -> Behaviour:
        return self.containers.get(container) or (Behaviour() if is_init else self.behaviour)


@dataclass(frozen=True, slots=True)
class Stages:
    """In order. ``seed`` decides every draw."""

    stages: tuple[Stage, ...] = ()
    seed: str = ""

    def of(self, pod: Obj) -> Stage | None:
        """The stage that a pod plays; None for none. A pod that chooses one that is not there plays none."""
        chosen = annotations_of(pod).get(CHOSEN)
        if chosen is not None:
            return self.named(chosen)
        return next((stage for stage in self.stages if stage.selection.matches(pod)), None)

    def named(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)


NO_STAGES = Stages()
