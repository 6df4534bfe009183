"""Tasks: the only place that starts them, waits for time to pass, and notices when one dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from podo.runtime.log import Logger

log = Logger("podo.tasks")
T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Let ``seconds`` of the loop's time pass."""
    await asyncio.sleep(seconds)


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """The awaitable's result, or TimeoutError after ``seconds``."""
    async with asyncio.timeout(seconds):
        return await awaitable


class Tasks:
    """A set of named tasks with one owner. A task that ends with an exception is a bug: it is logged and told to
    ``on_crash``."""

    def __init__(self, owner: str, on_crash: Callable[[str, BaseException], None] | None = None) -> None:
        self._owner = owner
        self._on_crash = on_crash
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (failure := task.exception()) is None:
            return
        log.error("task died", failure, task=task.get_name())
        if self._on_crash:
            self._on_crash(task.get_name(), failure)

    async def stop(self, deadline_seconds: float = 10.0) -> None:
        """Cancel every task and wait for them to end, ``deadline_seconds`` at most."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=deadline_seconds)
            for task in late:
                log.error("task did not stop", task=task.get_name())
