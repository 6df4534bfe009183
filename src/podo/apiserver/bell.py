"""What a watch waits on: changes, or a moment. One timer a moment, not one a wait, since watches wait very often."""

from __future__ import annotations

import asyncio


class Bell:
    """One waiter at a time. ``ring`` it from the store's ``Watch.on_change``; ``close`` it in the end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moment = 0.0

    def ring(self) -> None:
        self._rung = True
        self._wake()

    def forget(self) -> None:
        """What rang until now is being looked at."""
        self._rung = False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, moment: float, seconds: float) -> bool:
        """True when rung since the last ``forget``, False when ``moment``, which is ``seconds`` away, has come.

        An infinite moment does not come.
        """
        if not self._rung:
            if self._timer is None or self._moment != moment:
                self._set(moment, seconds)
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._rung

    def _set(self, moment: float, seconds: float) -> None:
        self.close()
        self._moment = moment
        if seconds != float("inf"):
            self._timer = self._loop.call_later(seconds, self._come)

    def _come(self) -> None:
        self._timer = None
        self._wake()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
