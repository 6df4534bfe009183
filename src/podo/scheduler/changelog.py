"""What changed since a moment: for those who keep what they found out and make it anew only where something changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
#: Changes remembered at most; half of them are forgotten together.
REMEMBERED = 4096


class Changelog(Generic[T]):
    """Changes in their order; an index into all that there have ever been is a moment."""

    def __init__(self) -> None:
        self._noted: list[T] = []
        self._forgotten = 0

    @property
    def moment(self) -> int:
        return self._forgotten + len(self._noted)

    def since(self, moment: int) -> list[T] | None:
        """What changed since then; None where that is no longer known."""
        start = moment - self._forgotten
        return self._noted[start:] if start >= 0 else None

    def note(self, changed: Iterable[T]) -> None:
        self._noted += changed
        if len(self._noted) > REMEMBERED:
            gone = len(self._noted) - REMEMBERED // 2
            del self._noted[:gone]
            self._forgotten += gone
