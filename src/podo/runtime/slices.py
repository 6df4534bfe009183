"""Long computations in slices: code that knows nothing of the event loop runs a while, lets the others have their turn
(``rest``), and goes on. One thread, and what is run when does not depend on the machine's speed.

::

    problems = await in_slices(lambda: check(obj))   # in a task
    rest()                                           # now and then, anywhere below ``check``
    answer = wait_for(asked())                       # likewise: what an awaitable gives

A computation that never rests costs a microsecond more than a call. Of those that rest one is at work at a time, so
that ten of them do not make the loop ten times slower.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from greenlet import GreenletExit, getcurrent, greenlet

T = TypeVar("T")
_RESTS: Final = object()
#: As many workers are kept for their next computation.
_IDLE_MAX = 8


class _Workshop:
    """What the computations of one event loop share: workers, which belong to its thread, and whose turn it is."""

    def __init__(self) -> None:
        self.idle: list[_Worker] = []
        self.turn = asyncio.Lock()


_workshops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Workshop] = WeakKeyDictionary()


def _workshop() -> _Workshop:
    loop = asyncio.get_running_loop()
    found = _workshops.get(loop)
    if found is None:
        found = _workshops[loop] = _Workshop()
    return found


@dataclass(frozen=True, slots=True)
class _Waits:
    """A computation goes on when this has given something."""

    for_what: Awaitable[Any]


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


def rest_once() -> None:
    """``rest`` in what a process does only once, such as to load a library. None in virtual time, where the same must
    happen in the same turns whatever the process has done before."""
    if getcurrent().__class__ is _Worker and not getattr(asyncio.get_running_loop(), "is_virtual", False):
        rest()


def wait_for(awaitable: Awaitable[T]) -> T:
    """What ``awaitable`` gives or raises; others run until then. Only for what is run by ``in_slices``."""
    worker = getcurrent()
    assert worker.__class__ is _Worker
    found: T = _back(worker, _Waits(awaitable))
    return found


def _back(worker: greenlet, what: object) -> Any:
    """To the task, with this; what the task says when it comes back."""
    assert worker.parent is not None
    return worker.parent.switch(what)


async def in_slices(work: Callable[[], T]) -> T:
    """What ``work`` gives or raises. A task that is cancelled meanwhile ends it."""
    shop = _workshop()
    worker = shop.idle.pop() if shop.idle else _Worker()
    worker.parent = getcurrent()
    ended = worker.switch(work)
    if ended.__class__ is not tuple:
        ended = await _resumed(worker, ended, shop.turn)
    if len(shop.idle) < _IDLE_MAX:
        shop.idle.append(worker)
    value, failure = ended
    if failure is not None:
        try:
            raise failure
        finally:
            del failure, ended
    found: T = value
    return found


async def _resumed(worker: _Worker, paused: Any, turn: asyncio.Lock) -> Any:
    try:
        while paused.__class__ is not tuple:
            paused = await (_answered(worker, paused) if paused.__class__ is _Waits else _rested(worker, turn))
    except BaseException:
        worker.parent = getcurrent()
        worker.throw()
        raise
    return paused


async def _rested(worker: _Worker, turn: asyncio.Lock) -> Any:
    """The computation goes on, slice by slice, when it is its turn."""
    paused: Any = _RESTS
    async with turn:
        while paused is _RESTS:
            await asyncio.sleep(0)
            worker.parent = getcurrent()
            paused = worker.switch()
    return paused


async def _answered(worker: _Worker, paused: _Waits) -> Any:
    try:
        found = await paused.for_what
    except Exception as failure:
        worker.parent = getcurrent()
        return worker.throw(failure)
    worker.parent = getcurrent()
    return worker.switch(found)
