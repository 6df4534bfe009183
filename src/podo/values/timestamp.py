"""Timestamps as the API writes them (RFC 3339, UTC): ``Time`` to the second, ``MicroTime`` to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def time(seconds: float) -> str:
    """``1763724000.9`` as ``2025-11-21T11:20:00Z`` (whole seconds, cut off, as metav1.Time)."""
    return f"{_second(int(seconds))}Z"


def micro_time(seconds: float) -> str:
    """``1763724000.5`` as ``2025-11-21T11:20:00.500000Z`` (metav1.MicroTime)."""
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_second(whole)}.{micros:06d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    """Many moments are of the same second: the calendar is asked once for each."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def day(seconds: float) -> str:
    """``1763724000.9`` as ``2025-11-21``."""
    return _second(int(seconds))[:10]


def go_time(seconds: float) -> str:
    """``1763724000.9`` as ``2025-11-21 11:20:00 +0000 UTC``, as Go prints a time."""
    return f"{_second(int(seconds)).replace('T', ' ')} +0000 UTC"


def start_of_day(text: str) -> float | None:
    """When a day as ``day`` writes it begins, in seconds since the epoch; None for anything else."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return found if day(found) == text else None


def parse(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 timestamp; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment.timestamp()
