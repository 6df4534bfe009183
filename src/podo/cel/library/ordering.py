"""Order: between values of one type, and between numbers of different types (``1 < 1.5``), which the checker's own
declarations lack. Operators do it (``operators``); this only declares."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from podo.cel.library.function import Function, function

_TYPES = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_PAIRS = (*((one, one) for one in _TYPES), *permutations(("int", "uint", "double"), 2))
NAMES = ("_<_", "_<=_", "_>_", "_>=_")


def _by_operator(*_: Any) -> Any:
    raise AssertionError("operators are not called as functions")


FUNCTIONS: tuple[Function, ...] = tuple(
    function(name, f"{left}; {right}", "bool", _by_operator) for name in NAMES for left, right in _PAIRS
)
