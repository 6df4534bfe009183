"""What the agent remembers of a pod between two looks: back-offs, refusals, probe results, and what is in work."""

from __future__ import annotations

from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.node.admitting import Rejection
from podo.node.backoff import BackOff


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not run: the ``waiting`` state of its status."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A start that failed before the container ran. ``settled``: from then on the reason changes (ErrImagePull to
    ImagePullBackOff).
    """

    waiting: Waiting
    retry_at: float
    later: Waiting | None = None
    settled_at: float = 0.0

    def at(self, now: float) -> Waiting:
        return self.later if self.later and now >= self.settled_at else self.waiting


@dataclass(frozen=True, slots=True)
class Stopping:
    """A container being stopped, since when and with how much grace (seconds)."""

    since: float
    grace: float


#: Reasons of refusals that are tried again as soon as the pod changes, as upstream's kubelet does.
_OF_MAKING = frozenset(("CreateContainerConfigError", "CreateContainerError"))


#: The keys of the instructions by which a pod comes to run.
_STEPS = frozenset(("volumes", "sandbox", "start"))


@dataclass(slots=True)
class PodMemory:
    """``busy``: keys of instructions in work. ``retry``: key -> when a failed one may be tried again."""

    first_seen: float
    back_offs: dict[str, BackOff] = field(default_factory=dict)  # by container name
    pulls: dict[str, BackOff] = field(default_factory=dict)  # by image
    refusals: dict[str, Refusal] = field(default_factory=dict)  # by container name
    probes: dict[tuple[str, str], bool] = field(default_factory=dict)  # (container id, "liveness") -> passing
    busy: set[str] = field(default_factory=set)
    retry: dict[str, float] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)  # by key, in a row
    stopping: dict[str, Stopping] = field(default_factory=dict)  # by container id
    hooked: set[str] = field(default_factory=set)  # ids of sidecars that have had their preStop hook
    coming_again: set[str] = field(default_factory=set)  # ids of containers stopped to be started again
    starting: str = ""  # the container whose start is in work
    pulling: bool = False  # ... and is still at its image: may be cut off
    ending_since: float | None = None
    volumes_ready: bool = False
    cleaned: bool = False
    rejection: Rejection | None = None  # this node will not run it
    eviction: str = ""  # why the node ends it, as its status will say
    granted: dict[str, Obj] = field(default_factory=dict)  # what each container may use, by its name
    applied: dict[str, Obj] = field(default_factory=dict)  # ... and what it was given, by its id
    unresized: Waiting | None = None  # why the spec is not what is granted
    resize_error: str = ""  # why the last try to give what is granted failed
    removed: bool = False  # the API has it no more
    done: bool = False  # nothing is left of it here

    def reconsider(self) -> None:
        """The pod was changed: what was wrong with the making of its containers may be right now."""
        self.refusals = {name: each for name, each in self.refusals.items() if each.waiting.reason not in _OF_MAKING}

    @property
    def is_making(self) -> bool:
        """Are its volumes, its sandbox or a container being made?"""
        return not _STEPS.isdisjoint(self.busy)

    def forget_container(self, container_id: str) -> None:
        """It is removed."""
        self.applied.pop(container_id, None)
        self.coming_again.discard(container_id)
        self.hooked.discard(container_id)
        for key in [key for key in self.probes if key[0] == container_id]:
            del self.probes[key]

    def failed(self, key: str, now: float, most: float = 60.0) -> None:
        """An instruction failed: it may be tried again after 1 s, 2 s, ... ``most``."""
        count = self.failures.get(key, 0)
        self.failures[key] = count + 1
        self.retry[key] = now + min(2.0**count, most)

    def succeeded(self, key: str) -> None:
        self.failures.pop(key, None)
        self.retry.pop(key, None)

    def passing(self, container_id: str, probe: str) -> bool | None:
        return self.probes.get((container_id, probe))
