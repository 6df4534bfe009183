"""Timestamps and durations: read, written, and their parts in a time zone (UTC where none is named)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from podo.cel import arithmetic
from podo.cel.library.function import Function, function, method
from podo.cel.values import NANO, CelError, Duration, Timestamp
from podo.values.duration import DurationError, parse_nanos

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_rfc3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})", re.ASCII
).fullmatch
_offset = re.compile(r"([+-]?)(\d{1,2}):(\d{2})", re.ASCII).fullmatch


def parse_timestamp(text: Any) -> Timestamp:
    """RFC 3339, to nanoseconds. Raises CelError."""
    found = _rfc3339(text) if len(text) <= 64 else None
    if found is None:
        raise CelError(f'parsing time "{text[:64]}" as RFC 3339: cannot parse')
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        raise CelError(f'parsing time "{text}": out of range') from None
    return arithmetic.timestamp(_seconds(moment) * NANO + int((fraction or "0").ljust(9, "0")))


def _seconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return since.days * 86400 + since.seconds


def parse_duration(text: Any) -> Duration:
    try:
        return Duration(parse_nanos(text))
    except DurationError as wrong:
        raise CelError(str(wrong)) from None


def _moment(value: Timestamp) -> datetime:
    return _EPOCH + timedelta(seconds=value.nanos // NANO)


def timestamp_text(value: Timestamp) -> str:
    """RFC 3339, with as many digits of a second as are needed."""
    fraction = f"{value.nanos % NANO:09d}".rstrip("0")
    return f"{_moment(value):%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + (f".{fraction}Z" if fraction else "Z")


def duration_text(value: Duration) -> str:
    """In seconds: ``90s``, ``0.25s``."""
    whole, rest = divmod(abs(value.nanos), NANO)
    fraction = f"{rest:09d}".rstrip("0")
    return f"{'-' if value.nanos < 0 else ''}{whole}{'.' + fraction if fraction else ''}s"


@lru_cache(maxsize=128)
def _zone(name: str) -> tzinfo:
    """An IANA name or an offset such as ``+02:00``. Raises CelError."""
    from zoneinfo import ZoneInfo

    if found := _offset(name):
        sign, hours, minutes = found.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes))
        if away < timedelta(hours=24):
            return timezone(-away if sign == "-" else away)
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        raise CelError(f"unknown time zone {name}") from None


_PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDate": lambda at: at.day,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
}
_WHOLE = {"getHours": 3600 * NANO, "getMinutes": 60 * NANO, "getSeconds": NANO, "getMilliseconds": 10**6}


def _part(part: Callable[[datetime], int]) -> Callable[..., int]:
    def run(value: Timestamp, zone: str = "UTC") -> int:
        try:
            return part(_moment(value).astimezone(_zone(zone)))
        except OverflowError:
            raise CelError("timestamp overflow") from None

    return run


def _millis(value: Timestamp, zone: str = "") -> int:
    return value.nanos % NANO // 10**6


def _whole(unit: int) -> Callable[[Duration], int]:
    """Toward zero."""
    return lambda value: abs(value.nanos) // unit * (-1 if value.nanos < 0 else 1)


def _parts() -> list[Function]:
    found = []
    for name, run in [*((name, _part(part)) for name, part in _PARTS.items()), ("getMilliseconds", _millis)]:
        found.append(method(name, "timestamp", "int", run))
        found.append(method(name, "timestamp; string", "int", run))
    found.extend(method(name, "duration", "int", _whole(unit)) for name, unit in _WHOLE.items())
    return found


FUNCTIONS: tuple[Function, ...] = (
    function("timestamp", "string", "timestamp", parse_timestamp),
    function("timestamp", "int", "timestamp", lambda seconds: arithmetic.timestamp(seconds * NANO)),
    function("timestamp", "timestamp", "timestamp", lambda value: value),
    function("duration", "string", "duration", parse_duration),
    function("duration", "int", "duration", Duration),
    function("duration", "duration", "duration", lambda value: value),
    *_parts(),
)
