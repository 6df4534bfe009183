from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.values.cron import CronError, Every, ZoneError, parse
from podo.values.timestamp import parse as moment
from podo.values.timestamp import time

NEW_YEAR = "2026-01-01T00:00:00Z"  # a Thursday


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("* * * * *", NEW_YEAR, "2026-01-01T00:01:00Z"),
        ("*/15 * * * *", "2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z"),
        ("5-20/5,50 3 * * *", NEW_YEAR, "2026-01-01T03:05:00Z"),
        ("0 0 * * MON", NEW_YEAR, "2026-01-05T00:00:00Z"),
        ("0 0 13 * 5", NEW_YEAR, "2026-01-02T00:00:00Z"),  # the 13th or a Friday
        ("0 0 13 * ?", NEW_YEAR, "2026-01-13T00:00:00Z"),
        ("0 0 */10 * 1", NEW_YEAR, "2026-05-11T00:00:00Z"),  # a star with a step: both must match
        ("30 8 29 feb *", NEW_YEAR, "2028-02-29T08:30:00Z"),
        ("3/20 * * * *", NEW_YEAR, "2026-01-01T00:03:00Z"),
        ("@yearly", NEW_YEAR, "2027-01-01T00:00:00Z"),
        ("@monthly", NEW_YEAR, "2026-02-01T00:00:00Z"),
        ("@weekly", NEW_YEAR, "2026-01-04T00:00:00Z"),
        ("@midnight", NEW_YEAR, "2026-01-02T00:00:00Z"),
        ("@hourly", NEW_YEAR, "2026-01-01T01:00:00Z"),
        ("@every 1h30m", NEW_YEAR, "2026-01-01T01:30:00Z"),
    ],
)
def test_the_next_time(text: str, after: str, expected: str) -> None:
    found = parse(text).next(moment(after))
    assert found is not None and time(found) == expected


def test_a_day_that_never_comes() -> None:
    assert parse("0 0 31 2 *").next(moment(NEW_YEAR)) is None
    assert parse("0 0 31 2 *").latest(moment(NEW_YEAR), moment("2027-01-01T00:00:00Z")) is None


def test_time_zones_and_their_odd_days() -> None:
    assert time(parse("0 9 * * *", "Asia/Seoul").next(moment("2026-01-01T00:30:00Z"))) == "2026-01-02T00:00:00Z"
    berlin = parse("30 2 * * *", "Europe/Berlin")
    # 29 March 2026: 02:00 to 03:00 is left out. 25 October 2026: it comes twice.
    assert time(berlin.next(moment("2026-03-28T12:00:00Z"))) == "2026-03-30T00:30:00Z"
    first = berlin.next(moment("2026-10-24T12:00:00Z"))
    assert [time(first), time(berlin.next(first))] == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* * * * 7", "x * * * *", "5-1 * * * *", "*/0 * * * *", "@fortnightly",
     "@every soon", "* * L * *", "* * 15W * *", "* * * * 5#2", "-1 * * * *", "*/* * * * *", "1" * 2000],
)  # fmt: skip
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(CronError):
        parse(text)


def test_unknown_zones() -> None:
    for name in ("Mars/Base", "../etc/passwd", "\0"):
        with pytest.raises(ZoneError):
            parse("* * * * *", name)


def test_every_counts_from_what_was_before() -> None:
    every = parse("@every 10m")
    assert isinstance(every, Every)
    assert every.latest(0, 599) is None and every.latest(0, 1900) == 1800


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    return st.one_of(st.just("*"), number.map(str), st.integers(1, most).map("*/{}".format))


@settings(max_examples=40, deadline=None)
@given(
    parts=st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)),
    start=st.integers(1_700_000_000, 1_900_000_000),
    zone=st.sampled_from(["", "Europe/Berlin", "Asia/Kolkata", "America/New_York"]),
)
def test_next_and_latest_agree_and_match(parts: tuple[str, ...], start: int, zone: str) -> None:
    schedule = parse(" ".join(parts), zone)
    found = schedule.next(start)
    if found is None:
        return
    assert found > start and schedule.latest(start, found) == found
    assert schedule.latest(start, found - 1) is None
    local = datetime.fromtimestamp(found, schedule.zone)
    assert local.minute in schedule.minutes and local.hour in schedule.hours and local.month in schedule.months
