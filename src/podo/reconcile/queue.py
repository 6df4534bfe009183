"""A queue of keys: each at most once, one at a time a key, in order of arrival; later ones by timer; failed ones by
back-off."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Back-off of a key that fails again and again, seconds: first and longest (client-go's item rate limiter).
FIRST_DELAY, LONGEST_DELAY = 0.005, 1000.0
#: Keys whose rest is remembered before those whose rest is over are forgotten; and what is no rest any more (seconds).
MANY_RESTS, NO_REST = 1024, 1e-4


class KeyQueue(Generic[K]):
    """``wake`` is called when ``take`` may have something to give that it had not before. ``jitter`` stretches
    back-offs.

    A key is in one of: nowhere, ready, in work, in work and wanted again. Independent of that it may have one timer,
    the earliest
    that was asked for.
    """

    def __init__(self, wake: Callable[[], None], jitter: Callable[[float], float] = float) -> None:
        self._wake = wake
        self._jitter = jitter
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._in_work: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._due: dict[K, float] = {}
        self._rests: dict[K, float] = {}  # until when a key is not to be looked at
        self._heap: list[tuple[float, int, K]] = []
        self._counter = 0
        self._timer: asyncio.TimerHandle | None = None
        self.adds = self.retries = 0  # since the start: for /metrics
        self._rings_at = 0.0  # not asked of the timer: uvloop gives none where the time has come already

    def __len__(self) -> int:
        """Keys that are ready or in work (without timers)."""
        return len(self._ready) + len(self._in_work)

    @property
    def in_work(self) -> int:
        return len(self._in_work)

    @property
    def delayed(self) -> int:
        """Keys with a timer."""
        return len(self._due)

    def add(self, key: K) -> None:
        """Want a pass over ``key``. Already ready: nothing. In work: one more pass afterwards."""
        if key in self._in_work:
            self._again.add(key)
        elif key not in self._ready:
            if self._rests and (left := self._rest_left(key)):
                self.add_after(key, left)
                return
            self._ready[key] = None
            self.adds += 1
            self._wake()

    def take(self) -> K | None:
        """The next ready key, now in work until ``done``; None if there is none."""
        if not self._ready:
            return None
        key, _ = self._ready.popitem(last=False)
        self._in_work.add(key)
        return key

    def done(self, key: K) -> None:
        """The pass over ``key`` has ended."""
        self._in_work.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif self._ready:
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """``add`` after so long. Of several timers for a key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = asyncio.get_running_loop().time() + seconds
        if key in self._due and self._due[key] <= due:
            return
        self._due[key] = due
        self._counter += 1
        heapq.heappush(self._heap, (due, self._counter, key))
        self._set_timer()

    def rest(self, key: K, seconds: float) -> None:
        """From now on ``add`` puts the key off until so much time has passed."""
        now = asyncio.get_running_loop().time()
        if len(self._rests) >= MANY_RESTS:
            self._rests = {each: until for each, until in self._rests.items() if until > now}
        self._rests[key] = now + seconds

    def _rest_left(self, key: K) -> float:
        left = self._rests.get(key, 0.0) - asyncio.get_running_loop().time()
        if left > NO_REST:
            return left
        self._rests.pop(key, None)
        return 0.0

    def add_failed(self, key: K, at_least: float = 0.0) -> float:
        """``add`` after this key's back-off (doubled by each call until ``forget``); the seconds chosen."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.retries += 1
        delay = self._jitter(max(at_least, min(FIRST_DELAY * 2.0 ** min(failures, 30), LONGEST_DELAY)))
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key went well: its next failure starts with the shortest delay."""
        self._failures.pop(key, None)

    def close(self) -> None:
        """Drop everything."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for part in (self._ready, self._again, self._failures, self._due, self._heap, self._rests):
            part.clear()

    def _set_timer(self) -> None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # overtaken by an earlier one
        if self._timer and (not self._heap or self._rings_at != self._heap[0][0]):
            self._timer.cancel()
            self._timer = None
        if self._heap and not self._timer:
            self._rings_at = self._heap[0][0]
            self._timer = asyncio.get_running_loop().call_at(self._rings_at, self._ring)

    def _ring(self) -> None:
        assert self._timer is not None
        now = max(asyncio.get_running_loop().time(), self._rings_at)  # loops ring a little early
        self._timer = None
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._set_timer()
