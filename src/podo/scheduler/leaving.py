"""Who waits for whom to go: a pod that others have to leave a node for is not tried again before all of them are seen
to be going; it would find too little room yet, and send more away.

Source: KEP-4832 (asynchronous preemption).
"""

from __future__ import annotations

from collections.abc import Iterable

from podo.scheduler.queue import Queue


class Leaving:
    """Holds pods in the ``queue``, by uid."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._missing: dict[str, set[str]] = {}  # preemptor -> victims that are not seen to be going
        self._preemptors: dict[str, set[str]] = {}  # victim -> preemptors

    def expect(self, preemptor: str, victims: Iterable[str]) -> None:
        """The ``victims`` are being told to go."""
        self.give_up(preemptor)
        if missing := set(victims):
            self._missing[preemptor] = missing
            for victim in missing:
                self._preemptors.setdefault(victim, set()).add(preemptor)
            self._queue.hold(preemptor)

    def seen(self, victim: str) -> None:
        """The cache shows that the pod is going, or gone."""
        for preemptor in self._preemptors.pop(victim, ()):
            missing = self._missing[preemptor]
            missing.discard(victim)
            if not missing:
                self.give_up(preemptor)

    def give_up(self, preemptor: str) -> None:
        """There is nobody to wait for any more."""
        for victim in self._missing.pop(preemptor, ()):
            others = self._preemptors[victim]
            others.discard(preemptor)
            if not others:
                del self._preemptors[victim]
        self._queue.let_go(preemptor)
