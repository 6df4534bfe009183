"""Questions to adapters: asked while somebody wants to know, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podo.apiserver.calling.failures import CannotCall
from podo.cluster.adapters import EVERY, WANTED, AdapterAnswers
from podo.controllers.horizontalpodautoscaler.adapters import NotYet
from podo.controllers.horizontalpodautoscaler.measuring import NoMetrics
from podo.lab.virtualtime import START, run
from podo.runtime.clock import LoopClock


def test_an_answer_is_renewed_while_it_is_wanted_and_then_no_more() -> None:
    async def test() -> None:
        asked: list[float] = []
        clock = LoopClock(START, asyncio.get_running_loop())

        async def fetch(target: str) -> dict[str, Any]:
            asked.append(clock.monotonic())
            if len(asked) == 3:
                raise CannotCall("it does not answer")
            return {"number": len(asked)}

        answers = AdapterAnswers(fetch, clock)
        with pytest.raises(NotYet):
            answers("/queue")
        await asyncio.sleep(0.01)
        assert answers("/queue") == {"number": 1}
        await asyncio.sleep(EVERY)
        assert answers("/queue") == {"number": 2}
        await asyncio.sleep(EVERY)
        with pytest.raises(NoMetrics, match="it does not answer"):
            answers("/queue")
        await asyncio.sleep(EVERY)
        assert answers("/queue") == {"number": 4}
        await asyncio.sleep(2 * WANTED)
        count = len(asked)
        await asyncio.sleep(10 * WANTED)
        assert len(asked) == count, "nobody wants to know any more"
        with pytest.raises(NotYet):
            answers("/queue")
        await asyncio.sleep(0.01)
        assert answers("/queue")
        await answers.stop()

    run(test())


def test_a_fault_does_not_end_the_asking() -> None:
    async def test() -> None:
        faults = [RuntimeError("a bug")]

        async def fetch(target: str) -> dict[str, Any]:
            if faults:
                raise faults.pop()
            return {"number": 1}

        answers = AdapterAnswers(fetch, LoopClock(START, asyncio.get_running_loop()))
        for _ in range(2):
            with pytest.raises(NotYet):
                answers("/queue")
            await asyncio.sleep(0.01)
        assert answers("/queue") == {"number": 1}
        await answers.stop()

    run(test())
