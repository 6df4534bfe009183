"""Regular expressions: ``matches`` of the standard, ``find`` and ``findAll`` of Kubernetes, on an engine whose time is
linear in the text (RE2), so that no pattern can stall the server."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.cel.library.function import Function, function, method, regex_cost
from podo.cel.values import CelError

_LONGEST_PATTERN = 64 * 1024
_MEMORY = 8 << 20


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The RE2 pattern. Raises CelError."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    if len(pattern) > _LONGEST_PATTERN:
        raise CelError("error parsing regexp: expression too large")
    try:
        return re2.compile(pattern, options)
    except re2.error as wrong:
        text = wrong.args[0] if wrong.args else ""
        why = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise CelError(f"error parsing regexp: {why}") from None


def _matches(text: str, pattern: str) -> bool:
    return compiled(pattern).search(text) is not None


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return found.group(0) if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found: list[str] = []
    for match in compiled(pattern).finditer(text):
        if 0 <= limit <= len(found):
            break
        found.append(match.group(0))
    return found


MATCHES: tuple[Function, ...] = (
    function("matches", "string; string", "bool", _matches, cost=regex_cost),
    method("matches", "string; string", "bool", _matches, cost=regex_cost),
)
FUNCTIONS: tuple[Function, ...] = (
    method("find", "string; string", "string", _find, cost=regex_cost),
    method("findAll", "string; string", "list<string>", _find_all, cost=regex_cost),
    method("findAll", "string; string; int", "list<string>", _find_all, cost=regex_cost),
)
