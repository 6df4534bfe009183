"""One server for many made-up requests, and what must be true of every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

import orjson

from podo.http.message import Response
from podo.runtime.tasks import within
from tests.cpu import usual
from tests.unit.apiserver.world import World, Written, text_of

#: No request may hold the server for longer: its own seconds, for a machine may have others to serve.
STALL_SECONDS = 1.0
#: After so long an answer does not come at all.
PATIENCE_SECONDS = 60.0
#: A watch that was opened is looked at for so long.
GLANCE_SECONDS = 0.01


class Asking:
    """``with Asking() as server: server.ask("POST", path, obj)``: every answer is checked."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.asked = 0

    def __enter__(self) -> Asking:
        self._runner.__enter__()
        self.world = self.run(World().start())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.run(self.world.store.close())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def ask(self, method: str, target: str, body: Any = b"", **headers: str) -> tuple[int, Any]:
        """The status and the body. Fails for a server error and for an answer that takes too long."""
        self.asked += 1
        began = time.process_time()
        status, answer = self.run(within(PATIENCE_SECONDS, self._ask(method, target, body, headers)))
        took = time.process_time() - began
        assert status < 500 or _is_of_the_future(status, answer), f"{method} {target} {body!r}: {answer!r}"
        assert took < STALL_SECONDS or usual(took) < STALL_SECONDS, f"{method} {target} {body!r} took {took:.1f} s"
        return status, answer

    async def _ask(self, method: str, target: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        found = await self.world.answer(method, target, body, **headers)
        if not isinstance(found, Response):
            with suppress(TimeoutError):
                async with asyncio.timeout(GLANCE_SECONDS):
                    await found.produce(Written())
            return 200, None
        raw = text_of(found)
        return found.status, orjson.loads(raw) if raw and found.content_type.startswith("application/json") else raw


def _is_of_the_future(status: int, answer: Any) -> bool:
    """A revision that is yet to come is a Timeout, as upstream's."""
    return status == 504 and isinstance(answer, dict) and "Too large resource version" in answer["message"]
