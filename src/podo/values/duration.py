"""Durations as Go writes them: ``1h30m``, ``1.5s``, ``300ms`` (metav1.Duration, query parameters, flags)."""

from __future__ import annotations

import re

_SECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_part = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MAX_TEXT = 64
_MAX = 2**63 - 1


class DurationError(ValueError):
    """The text is not a duration."""


def parse_nanos(text: str) -> int:
    """``1.5s`` as 1500000000 nanoseconds, exactly. Raises DurationError."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest or len(rest) > _MAX_TEXT:
        raise DurationError(f'time: invalid duration "{text[:_MAX_TEXT]}"')
    total = at = 0
    while at < len(rest):
        match = _part.match(rest, at)
        if match is None or not (match[1] or match[2]):
            raise DurationError(_why(rest[at:], text))
        unit = _SECONDS[match[3]]
        fraction = match[2] or ""
        total += int(match[1] or 0) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
        at = match.end()
    if total > _MAX:
        raise DurationError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def _why(rest: str, text: str) -> str:
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", rest, re.ASCII):
        return f'time: missing unit in duration "{text}"'
    return f'time: invalid duration "{text}"'


def parse(text: str) -> float:
    """``1m30s`` as 90.0 seconds. Raises DurationError."""
    return parse_nanos(text) / 10**9


def text(seconds: float) -> str:
    """90 as ``1m30s``, 0.3 as ``300ms``, as Go prints a duration."""
    nanos = round(seconds * 10**9)
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos == 0:
        return "0s"
    if nanos < 10**9:
        unit, size = next((u, s) for u, s in (("ms", 10**6), ("µs", 10**3), ("ns", 1)) if nanos >= s)
        return sign + _decimal(nanos, size) + unit
    whole, rest = divmod(nanos, 60 * 10**9)
    hours, minutes = divmod(whole, 60)
    shown = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{shown}{_decimal(rest, 10**9)}s"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = str(unit + rest)[1:].rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
