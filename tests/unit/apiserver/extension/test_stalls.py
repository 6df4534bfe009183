"""However long a custom kind's rules take, other requests do not wait for them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from podo.runtime.garbage import Sparing
from tests.cpu import usual
from tests.unit.apiserver.extension.definitions import (
    CRONTABS,
    DEFINITIONS,
    Extended,
    crontab,
    definition,
    extended,
)

#: Ten slices: far less than the rules take, and more than a collection of garbage adds.
LONGEST = 0.2


def costly(rules: int) -> dict[str, Any]:
    """Rules that compare each of some items with each other."""
    items = {"type": "array", "maxItems": 250, "items": {"type": "integer"}}
    every = "self.items.all(a, self.items.all(b, a + b >= 0 && a != b + {0}))"
    validations = [{"rule": every.replace("{0}", str(1000 + index))} for index in range(rules)]
    return {"type": "object", "properties": {"items": items}, "x-kubernetes-validations": validations}


async def longest_wait(until: asyncio.Future[Any]) -> float:
    """The longest that the loop was at work elsewhere, in CPU seconds: what else the machine does is not counted."""
    longest, last = 0.0, time.thread_time()
    with Sparing():  # a look at all that earlier tests have left is no stall of the server's
        while not until.done():
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now
    return longest


def test_a_write_under_costly_rules_lets_others_have_their_turn() -> None:
    async def test(world: Extended) -> None:
        await world.define(definition(costly(3)))
        await world.ask("POST", CRONTABS, crontab("first", spec={"items": [1]}))  # compiles the rules
        began = time.thread_time()
        body = crontab("second", spec={"items": list(range(250))})
        writing = asyncio.ensure_future(world.ask("POST", CRONTABS, body))
        longest = await longest_wait(writing)
        took = time.thread_time() - began
        status, made = await writing
        assert status == 201, made
        assert usual(longest) < LONGEST and longest < took / 2, f"{longest:.3f} s of {took:.3f} s"

    extended(test)


def test_a_definition_with_many_rules_lets_others_have_their_turn() -> None:
    async def test(world: Extended) -> None:
        made = await world.define(definition(costly(1)))  # loads what is loaded at the first use
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = costly(60)
        began = time.thread_time()
        writing = asyncio.ensure_future(world.ask("PUT", f"{DEFINITIONS}/{made['metadata']['name']}", made))
        longest = await longest_wait(writing)
        took = time.thread_time() - began
        status, made = await writing
        assert status == 200, made
        assert usual(longest) < LONGEST and longest < took / 2, f"{longest:.3f} s of {took:.3f} s"

    extended(test)
