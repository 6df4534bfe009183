"""Long computations in slices: code that knows nothing of the event loop runs a while, lets the others have their turn
(``rest``), and goes on. One thread, and what is run when does not depend on the machine's speed.

::

    problems = await in_slices(lambda: check(obj))   # in a task
    rest()                                           # now and then, anywhere below ``check``

A computation that never rests costs a microsecond more than a call. Of those that rest one is at work at a time, so
that ten of them do not make the loop ten times slower.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from greenlet import GreenletExit, getcurrent, greenlet

T = TypeVar("T")
_RESTS: Final = object()
#: Workers that wait for their next computation.
_idle: list[_Worker] = []
_IDLE_MAX = 8
#: Whose turn it is, in each event loop.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class _Worker(greenlet):
    """Carries out one computation after another; what it switches back with is ``_RESTS`` or how one has ended."""

    def run(self, work: Callable[[], Any]) -> None:
        while True:
            ended: tuple[Any, BaseException | None]
            try:
                ended = (work(), None)
            except GreenletExit:
                raise
            except BaseException as failure:
                ended = (None, failure)
            del work
            work = _back(self, ended)
            del ended


def rest() -> None:
    """Let others have their turn. What is not run by ``in_slices`` goes on at once."""
    worker = getcurrent()
    if worker.__class__ is _Worker:
        _back(worker, _RESTS)


def _back(worker: greenlet, what: object) -> Any:
    """To the task, with this; what the task says when it comes back."""
    assert worker.parent is not None
    return worker.parent.switch(what)


async def in_slices(work: Callable[[], T]) -> T:
    """What ``work`` gives or raises. A task that is cancelled meanwhile ends it."""
    worker = _idle.pop() if _idle else _Worker()
    worker.parent = getcurrent()
    ended = worker.switch(work)
    if ended is _RESTS:
        ended = await _resumed(worker)
    if len(_idle) < _IDLE_MAX:
        _idle.append(worker)
    value, failure = ended
    if failure is not None:
        try:
            raise failure
        finally:
            del failure, ended
    found: T = value
    return found


async def _resumed(worker: _Worker) -> Any:
    loop = asyncio.get_running_loop()
    turn = _turns.get(loop)
    if turn is None:
        turn = _turns[loop] = asyncio.Lock()
    try:
        async with turn:
            while True:
                await asyncio.sleep(0)
                worker.parent = getcurrent()
                ended = worker.switch()
                if ended is not _RESTS:
                    return ended
    except BaseException:
        worker.parent = getcurrent()
        worker.throw()
        raise
