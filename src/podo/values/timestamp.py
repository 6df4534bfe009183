"""Timestamps as the API writes them (RFC 3339, UTC): ``Time`` to the second, ``MicroTime`` to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime


def time(seconds: float) -> str:
    """``1763724000.9`` as ``2025-11-21T11:20:00Z`` (whole seconds, cut off, as metav1.Time)."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(seconds: float) -> str:
    """``1763724000.5`` as ``2025-11-21T11:20:00.500000Z`` (metav1.MicroTime)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 timestamp; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment.timestamp()
