"""Regular expressions of users, in an engine whose time is linear in the text: no pattern can hold the server.

The syntax is RE2's, which Go's is too. re2 is imported with the first pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any


class BadPattern(ValueError):
    """Not a regular expression."""


#: Memory of one compiled pattern, in bytes: larger ones are refused.
_MAX_MEMORY = 8 << 20


@lru_cache(maxsize=1024)
def searcher(pattern: str) -> Callable[[str], Any]:
    """A function that says whether the pattern is found anywhere in a text. Raises BadPattern."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        found: Callable[[str], Any] = re2.compile(pattern, options).search
    except re2.error as problem:
        raise BadPattern(_text(problem)) from None
    return found


def _text(problem: Exception) -> str:
    text = problem.args[0] if problem.args else str(problem)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
