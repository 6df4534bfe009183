"""Asks adapters for the metrics of autoscalers, again and again while somebody wants to know, so that a controller,
which does not wait, finds answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.apiserver.calling.failures import CannotCall
from podo.controllers.horizontalpodautoscaler.adapters import NotYet
from podo.controllers.horizontalpodautoscaler.measuring import NoMetrics
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks, within

#: How often a question is asked, and how long after somebody wanted to know it last (seconds).
EVERY, WANTED = 10.0, 60.0
AT_ONCE = 8

Fetch = Callable[[str], Awaitable[Obj]]


@dataclass(slots=True)
class _Question:
    wanted_at: float
    answer: Obj | None = None
    failure: str = ""


class AdapterAnswers:
    """Call it with path and query. ``fetch`` raises CannotCall."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._questions: dict[str, _Question] = {}
        self._new = asyncio.Event()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks("adapters")

    def __call__(self, target: str) -> Obj:
        """What was answered last. Raises NotYet for a new question, NoMetrics for one that could not be answered."""
        now = self._clock.monotonic()
        if not len(self._tasks):  # nobody wanted to know anything, or a fault has ended it
            self._tasks.spawn(self._keep_asking(), "ask")
        question = self._questions.get(target)
        if question is None:
            self._questions[target] = _Question(now)
            self._new.set()
            raise NotYet("the metrics have been asked for")
        question.wanted_at = now
        if question.failure:
            raise NoMetrics(question.failure)
        if question.answer is None:
            raise NotYet("the metrics have been asked for")
        return question.answer

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _keep_asking(self) -> None:
        """Until nobody wants to know anything any more."""
        while self._questions:
            self._new.clear()
            await asyncio.gather(*(self._ask(target, question) for target, question in list(self._questions.items())))
            if not self._new.is_set():
                await self._pause()
            now = self._clock.monotonic()
            self._questions = {t: q for t, q in self._questions.items() if now - q.wanted_at < WANTED}

    async def _pause(self) -> None:
        """Until it is time, or there is a new question."""
        try:
            await within(EVERY, self._new.wait())
        except TimeoutError:
            return

    async def _ask(self, target: str, question: _Question) -> None:
        async with self._gate:
            try:
                question.answer, question.failure = await self._fetch(target), ""
            except CannotCall as failure:
                question.failure = str(failure)
