"""Pods that wait for a node: ready to try, backing off, or unschedulable until something in the cluster changes.

Pure: the time is given with each call. Source: the scheduler's documentation ("Scheduling queue") and its defaults.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo

FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 10.0
#: A pod that nothing woke for so long is tried again anyway.
LONGEST_WAIT = 300.0
#: Why pods come into a part of the queue, where that is no ClusterEvent: upstream's labels in metrics.
_CAME, _CHANGED, _FAILURE = "UnschedulablePodAdd", "UnschedulablePodUpdate", "ScheduleAttemptFailure"
_BACKOFF_OVER, _BEFORE_ITS_END, _TIMEOUT = "BackoffComplete", "PopFromBackoffQ", "UnschedulableTimeout"
_ACTIVATED = "ForceActivate"


@dataclass(slots=True, eq=False)
class Waiting:
    """One pod in the queue.

    ``since``: when it came (seconds). ``refusals``: how often no node took it, and ``errors``: how often something went
    wrong since the last of these. ``first_begun`` and ``begun``: when it was taken up first, and last, by the monotonic
    clock, and ``profile``: by which.
    """

    pod: PodInfo
    since: float
    attempts: int = 0
    refusals: int = 0
    errors: int = 0
    tried_at: float = 0.0
    first_begun: float = 0.0
    begun: float = 0.0
    profile: str = ""
    #: The plug-ins whose refusal it waits with; "" is none of them.
    refused_by: frozenset[str] = frozenset()
    backoff: tuple[float, float] = (FIRST_BACKOFF, LONGEST_BACKOFF)

    @property
    def backoff_ends(self) -> float:
        """1 s after the first refusal, doubled with each to 10 s, unless configured otherwise; errors that follow each
        other count by themselves: one does not cost what many refusals have come to."""
        count = self.errors or self.refusals
        if not count:
            return 0.0
        first, longest = self.backoff
        return self.tried_at + min(longest, first * 2.0 ** min(count - 1, 10))


@dataclass(slots=True)
class _Heap:
    """Entries in order; those that have left stay in the list until they come to its top."""

    order: Callable[[Waiting], tuple[float, ...]]
    inside: dict[str, Waiting] = field(default_factory=dict)
    _items: list[tuple[tuple[float, ...], int, Waiting]] = field(default_factory=list)
    _count: int = 0

    def push(self, entry: Waiting) -> None:
        self.inside[entry.pod.uid] = entry
        self._count += 1
        heapq.heappush(self._items, (self.order(entry), self._count, entry))

    def peek(self) -> Waiting | None:
        while self._items:
            entry = self._items[0][2]
            if self.inside.get(entry.pod.uid) is entry and self._items[0][0] == self.order(entry):
                return entry
            heapq.heappop(self._items)
        return None

    def pop(self) -> Waiting | None:
        entry = self.peek()
        if entry is not None:
            heapq.heappop(self._items)
            del self.inside[entry.pod.uid]
        return entry


class Queue:
    """``wakes``: by plug-in name, the events after which a pod that it refused may fit; one that is not there, an
    extender, says nothing of that: any event may help. ``entered``: how many pods have
    come into each part, by its name and why."""

    def __init__(
        self,
        wakes: Mapping[str, frozenset[ClusterEvent]],
        first_backoff: float = FIRST_BACKOFF,
        longest_backoff: float = LONGEST_BACKOFF,
    ) -> None:
        self._wakes = wakes
        self._between = (first_backoff, longest_backoff)
        self._active = _Heap(lambda entry: (-entry.pod.priority, entry.since))
        #: Of those whose back-offs end in the same second, the more important comes first.
        self._backoff = _Heap(lambda entry: (entry.backoff_ends // 1, -entry.pod.priority, entry.since))
        self._failed = _Heap(lambda entry: (entry.backoff_ends,))
        self._unschedulable = _Heap(lambda entry: (entry.tried_at + LONGEST_WAIT,))
        self._gated: dict[str, Waiting] = {}
        self._held: set[str] = set()
        self.entered: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._refused_by: dict[str, dict[str, Waiting]] = {}  # plug-in ("" for none) -> uid -> unschedulable pod

    def __len__(self) -> int:
        return sum(len(place) for place in self._places)

    @property
    def _places(self) -> tuple[dict[str, Waiting], ...]:
        heaps = (self._active, self._backoff, self._failed, self._unschedulable)
        return (*(heap.inside for heap in heaps), self._gated)

    @property
    def sizes(self) -> dict[str, int]:
        """How many pods wait in each part."""
        return {
            "active": len(self._active.inside),
            "backoff": len(self._backoff.inside) + len(self._failed.inside),
            "unschedulable": len(self._unschedulable.inside),
            "gated": len(self._gated),
        }

    @property
    def ready(self) -> int:
        """How many pods can be tried now."""
        return len(self._active.inside) + len(self._backoff.inside)

    def put(self, pod: PodInfo, now: float) -> None:
        """A pod came, or changed. One that is unschedulable is tried again only if what it asks for has changed."""
        entry = self._find(pod.uid)
        if entry is None:
            self._place(Waiting(pod, now, backoff=self._between), now, _CAME)
            return
        if _asks_the_same(entry.pod, pod):
            entry.pod = pod
            return
        self.remove(pod.uid)
        entry.pod = pod
        self._place(entry, now, _CHANGED)

    def remove(self, uid: str) -> None:
        if (entry := self._unschedulable.inside.get(uid)) is not None:
            self._leave(entry)
        for place in self._places:
            place.pop(uid, None)

    def pop(self, now: float) -> Waiting | None:
        """The pod to try next: by priority, then who came first; where no other is ready, one that is backing off after
        a refusal and may fit now. None when there is none now."""
        self._move_due(now)
        entry = self._active.pop()
        if entry is None and (entry := self._backoff.pop()) is not None:
            self.entered["active", _BEFORE_ITS_END] += 1
        if entry is not None:
            entry.attempts += 1
            entry.tried_at = now
        return entry

    def refused(self, entry: Waiting, plugins: frozenset[str]) -> None:
        """No node took the pod: it waits for an event that concerns one of these plug-ins (any event, where there
        are none).
        """
        entry.refusals, entry.errors = entry.refusals + 1, 0
        self._unschedulable.push(entry)
        self.entered["unschedulable", _FAILURE] += 1
        entry.refused_by = plugins or frozenset(("",))
        for name in entry.refused_by:
            self._refused_by.setdefault(name, {})[entry.pod.uid] = entry

    def _leave(self, entry: Waiting) -> None:
        """It is unschedulable no more: no event concerns it."""
        del self._unschedulable.inside[entry.pod.uid]
        for name in entry.refused_by:
            waiting = self._refused_by[name]
            del waiting[entry.pod.uid]
            if not waiting:
                del self._refused_by[name]
        entry.refused_by = frozenset()

    def failed(self, entry: Waiting) -> None:
        """Something went wrong with the pod itself or its binding: it is tried again after its back-off."""
        entry.errors += 1
        self._failed.push(entry)
        self.entered["backoff", _FAILURE] += 1

    def wake(
        self,
        event: ClusterEvent,
        now: float,
        helps: Callable[[PodInfo], bool] | None = None,
        hint: Callable[[str, PodInfo], bool] | None = None,
    ) -> None:
        """Something happened: pods that may fit now leave the unschedulable ones. ``helps``: does it concern this
        pod? ``hint``: may it fit now as far as the plug-in of this name goes, which refused it?"""
        for name, entries in list(self._refused_by.items()):
            if name in self._wakes and event not in self._wakes[name]:
                continue
            for entry in list(entries.values()):
                if (
                    entry.pod.uid not in self._held
                    and (helps is None or helps(entry.pod))
                    and (not name or hint is None or hint(name, entry.pod))
                ):
                    self._leave(entry)
                    self._place(entry, now, event.value)

    def hold(self, uid: str) -> None:
        """Nothing that happens wakes the pod, until it is let go."""
        self._held.add(uid)

    def let_go(self, uid: str) -> None:
        self._held.discard(uid)

    def activate(self, uid: str) -> None:
        """What the pod waits for will not come: it is tried again without back-off."""
        entry = self._unschedulable.inside.get(uid)
        if entry is not None:
            self._leave(entry)
            self._active.push(entry)
            self.entered["active", _ACTIVATED] += 1

    def next_at(self) -> float | None:
        """When the next pod becomes ready by itself; None where none does."""
        moments = []
        if (entry := self._failed.peek()) is not None:
            moments.append(entry.backoff_ends)
        if (entry := self._unschedulable.peek()) is not None:
            moments.append(entry.tried_at + LONGEST_WAIT)
        return min(moments, default=None)

    def _find(self, uid: str) -> Waiting | None:
        return next((place[uid] for place in self._places if uid in place), None)

    def _place(self, entry: Waiting, now: float, why: str) -> None:
        if entry.pod.gated:
            self._gated[entry.pod.uid] = entry
            self.entered["unschedulable", why] += 1  # upstream's word for gated ones, too
        elif entry.backoff_ends > now:
            self._backoff.push(entry)
            self.entered["backoff", why] += 1
        else:
            self._active.push(entry)
            self.entered["active", why] += 1

    def _move_due(self, now: float) -> None:
        for heap in (self._backoff, self._failed):
            while (entry := heap.peek()) is not None and entry.backoff_ends <= now:
                heap.pop()
                self._active.push(entry)
                self.entered["active", _BACKOFF_OVER] += 1
        while (entry := self._unschedulable.peek()) is not None and entry.tried_at + LONGEST_WAIT <= now:
            self._leave(entry)
            self._place(entry, now, _TIMEOUT)


def _asks_the_same(old: PodInfo, new: PodInfo) -> bool:
    """May another state of the pod fit only where the old one did?"""
    if (old.gated, old.priority, old.pod_class) != (new.gated, new.priority, new.pod_class):
        return False
    return bool(old.signature == new.signature and old.obj["spec"] == new.obj["spec"])
