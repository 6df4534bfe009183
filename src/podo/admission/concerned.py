"""Which webhooks or policies a kind of write concerns: found once a combination of kind, operation and subresource, and
remembered until their configuration changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from podo.admission import matching
from podo.api.kind import Kind

T = TypeVar("T")
#: Combinations that are remembered.
_REMEMBERED = 4096


class Concerned(Generic[T]):
    """``covering``: those whose rules cover such writes; what else they demand depends on the write. What configures
    admission itself concerns nobody."""

    def __init__(self, covering: Callable[[Kind, str, str], Iterable[T]]) -> None:
        self._covering = covering
        self._found: dict[tuple[Kind, str, str], tuple[T, ...]] = {}

    def __call__(self, kind: Kind, operation: str, subresource: str) -> tuple[T, ...]:
        asked = (kind, operation, subresource)
        found = self._found.get(asked)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            covering = () if matching.is_exempt(kind) else self._covering(kind, operation, subresource)
            found = self._found[asked] = tuple(covering)
        return found

    def forget(self) -> None:
        self._found.clear()
