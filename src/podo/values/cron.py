"""Cron schedules as CronJobs have them: five fields, ``@daily`` and its like, ``@every 1h30m``, in any time zone.

A time fires when its wall clock matches: an hour that a time zone skips does not, one that it repeats does twice.
Written here because the libraries differ from upstream's parser: they take ``L``, ``W``, ``#``, a seventh weekday and
seconds, know no ``@every``, and move what falls into a skipped hour.
Source: CronJob documentation ("Schedule syntax"), crontab(5).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from podo.values.duration import DurationError, parse_nanos

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: name, least, most, words
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number + 1 for number, name in enumerate(_MONTHS)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
#: A schedule with no time within so many days has none (29 February comes within eight years).
_DAYS_SEARCHED = 366 * 8 + 1
_MAX_TEXT = 1024


class CronError(ValueError):
    """The text is no schedule."""


class ZoneError(ValueError):
    """There is no such time zone."""


@dataclass(frozen=True, slots=True)
class Every:
    """``@every``: so many whole seconds after another."""

    seconds: int

    def next(self, after: float) -> float | None:
        return float(int(after)) + self.seconds

    def latest(self, after: float, until: float) -> float | None:
        """The last of the times after ``after`` that is not after ``until``; None where there is none."""
        steps = int(until - float(int(after))) // self.seconds
        return float(int(after)) + steps * self.seconds if steps > 0 else None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Sets of minutes, hours and days; ``either``: a day fires if the month's or the week's field says so."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    zone: tzinfo

    def next(self, after: float) -> float | None:
        """The first time after ``after`` (seconds since the epoch); None where there is none."""
        day = datetime.fromtimestamp(after, self.zone).date() - timedelta(days=1)
        for _ in range(_DAYS_SEARCHED):
            times = _times(self, day)
            if (at := bisect_right(times, after)) < len(times):
                return times[at]
            day += timedelta(days=1)
        return None

    def latest(self, after: float, until: float) -> float | None:
        """The last time after ``after`` and not after ``until``; None where there is none."""
        day = datetime.fromtimestamp(until, self.zone).date() + timedelta(days=1)
        first = datetime.fromtimestamp(after, self.zone).date() - timedelta(days=1)
        for _ in range(_DAYS_SEARCHED):
            if day < first:
                return None
            times = _times(self, day)
            if (at := bisect_right(times, until)) and times[at - 1] > after:
                return times[at - 1]
            day -= timedelta(days=1)
        return None

    def fires_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either else by_month and by_week


@lru_cache(maxsize=512)
def _times(schedule: Schedule, day: date) -> list[float]:
    """The times of a day, in order."""
    if not schedule.fires_on(day):
        return []
    found: set[float] = set()
    for hour in schedule.hours:
        for minute in schedule.minutes:
            found.update(_moments(datetime(day.year, day.month, day.day, hour, minute, tzinfo=schedule.zone)))
    return sorted(found)


def _moments(wall: datetime) -> Iterator[float]:
    """When clocks show ``wall``: once, twice where an hour is repeated, never where it is left out."""
    for fold in (0, 1):
        moment = wall.replace(fold=fold).timestamp()
        if datetime.fromtimestamp(moment, wall.tzinfo).replace(fold=0) == wall.replace(fold=0):
            yield moment


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name; "" is UTC. Raises ZoneError."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ZoneError(f"unknown time zone {name}") from None


@lru_cache(maxsize=1024)
def parse(text: str, zone_name: str = "") -> Schedule | Every:
    """A schedule. Raises CronError, and ZoneError for an unknown zone."""
    where = zone(zone_name)
    if not text.strip() or len(text) > _MAX_TEXT:
        raise CronError("empty spec string")
    if text.startswith("@every "):
        return _every(text)
    if text.startswith("@") and text not in _MACROS:
        raise CronError(f"unrecognized descriptor: {text}")
    fields = _MACROS.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise CronError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = (_field(part, *spec) for part, spec in zip(fields, _FIELDS, strict=True))
    starred = any(_is_star(fields[index]) for index in (2, 4))
    return Schedule(minutes, hours, days, months, weekdays, not starred, where)


def _every(text: str) -> Every:
    try:
        nanos = parse_nanos(text.removeprefix("@every ").strip())
    except DurationError as problem:
        raise CronError(f"failed to parse duration {text}: {problem}") from None
    return Every(max(1, nanos // 10**9))


def _is_star(part: str) -> bool:
    """Does a field leave the choice to the other? A star with a step does, too."""
    return any(each.split("/")[0] in ("*", "?") for each in part.split(","))


def _field(part: str, name: str, least: int, most: int, words: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for each in part.split(","):
        found.update(_range(each, least, most, words))
    return frozenset(found)


def _range(text: str, least: int, most: int, words: dict[str, int]) -> range:
    span, slash, step_text = text.partition("/")
    low, dash, high = span.partition("-")
    if span in ("*", "?"):
        first, last = least, most
    else:
        first = _number(low, text, words)
        last = _number(high, text, words) if dash else (most if slash else first)
    step = _number(step_text, text, {}) if slash else 1
    if first < least:
        raise CronError(f"beginning of range ({first}) below minimum ({least}): {text}")
    if last > most:
        raise CronError(f"end of range ({last}) above maximum ({most}): {text}")
    if first > last:
        raise CronError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step)


def _number(text: str, whole: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise CronError(f"failed to parse int from {text}: invalid syntax in {whole}")
    return int(text)
