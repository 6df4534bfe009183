"""Waiting for a condition in virtual time: at which moments one looks, what counts as "not yet", how a wait fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.runtime.clock import Clock
from podo.runtime.tasks import sleep

#: How long time passes between two looks: at least, and at most.
FIRST_STEP, LONGEST_STEP = 0.05, 5.0
#: The message of a wait that fails, of what was not reached and how the last look failed.
Failure = Callable[[str, Exception | None], Awaitable[str]]


class NotReached(AssertionError):
    """What a test waited for did not come. Says what is pending, and the seed that shows it again."""


class Moments:
    """The moments at which a wait looks: close together at first, further apart later, until the time is over."""

    def __init__(self, clock: Clock, within: float, what: str, failure: Failure) -> None:
        self._clock = clock
        self._within = within
        self._what = what or "the condition"
        self._failure = failure
        self._began = clock.monotonic()

    async def pass_on(self, last: Exception | None) -> None:
        """Let time pass until the next look; NotReached when there is none. ``last``: how the last look failed."""
        elapsed = self._clock.monotonic() - self._began
        if elapsed >= self._within:
            raise NotReached(await self._failure(f"{self._what} did not come true within {self._within:g} s", last))
        await sleep(min(max(elapsed / 20, FIRST_STEP), LONGEST_STEP, self._within - elapsed))


def is_not_yet(error: Exception) -> bool:
    """Does this failure of a condition say that the thing to look at is not there yet?"""
    if isinstance(error, ApiError):
        return error.reason == "NotFound"
    return isinstance(error, KeyError | IndexError | TypeError)


def is_observed(obj: Obj) -> bool:
    """Has the controller seen the present spec? (Where its status says so at all.)"""
    observed = (obj.get("status") or {}).get("observedGeneration")
    return observed is None or observed >= obj["metadata"].get("generation", 0)
