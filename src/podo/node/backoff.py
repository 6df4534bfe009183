"""Back-off of restarts and image pulls: 10 s, doubling to 300 s, forgotten after ten quiet minutes (as the
kubelet's).
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 10.0
MOST_SECONDS = 300.0
FORGET_AFTER_SECONDS = 2 * MOST_SECONDS


@dataclass(frozen=True, slots=True)
class BackOff:
    """``delay``: how long to wait after a failure; ``since``: when that was last raised."""

    delay: float
    since: float


def after(previous: BackOff | None, failed_at: float, now: float) -> BackOff:
    """The back-off that holds from the attempt made at ``now``, after a failure at ``failed_at``."""
    if previous is None or failed_at - previous.since > FORGET_AFTER_SECONDS:
        return BackOff(FIRST_SECONDS, now)
    return BackOff(min(previous.delay * 2, MOST_SECONDS), now)


def held_until(previous: BackOff | None, failed_at: float) -> float:
    """When an attempt may be made after a failure at ``failed_at``: the first one at once."""
    if previous is None or failed_at - previous.since > FORGET_AFTER_SECONDS:
        return failed_at
    return failed_at + previous.delay


def as_text(delay: float) -> str:
    """A delay as messages have it (Go's form): ``10s``, ``1m20s``, ``5m0s``."""
    minutes, seconds = divmod(int(delay), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
