"""Int-or-string, durations and addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values import duration, intstr, net


def test_a_percentage_is_scaled_and_rounded() -> None:
    assert intstr.scaled("25%", 10, round_up=True) == 3
    assert intstr.scaled("25%", 10, round_up=False) == 2
    assert intstr.scaled(4, 10, round_up=True) == 4
    assert intstr.scaled("200%", 3, round_up=True) == 6


@pytest.mark.parametrize("value", ["25", "%", "-5%", "a%", "1.5%", "٣%", "9" * 100 + "%"])
def test_other_texts_are_no_percentage(value: str) -> None:
    assert not intstr.is_percent(value)
    assert intstr.percent_messages(value)
    with pytest.raises(intstr.IntOrStringError):
        intstr.scaled(value, 10, round_up=True)


DURATIONS = {
    "1h30m": 5400.0,
    "1.5s": 1.5,
    "300ms": 0.3,
    "0": 0.0,
    "-2m": -120.0,
    ".5s": 0.5,
    "+1m0.5s": 60.5,
    "1us": 1e-6,
    "1µs": 1e-6,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations(text: str, seconds: float) -> None:
    assert duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1x", "s", "1..5s", "1h ", " 1h", "9" * 30 + "h", ".s", "-", "1h-1m", "1d"])
def test_malformed_durations_are_refused(text: str) -> None:
    with pytest.raises(duration.DurationError):
        duration.parse(text)


def test_durations_are_written_as_go_does() -> None:
    seconds = [0, 90, 3600, 0.3, 1.5, -60, 1e-6, 2e-9]
    assert [duration.text(s) for s in seconds] == ["0s", "1m30s", "1h0m0s", "300ms", "1.5s", "-1m0s", "1µs", "2ns"]


@given(st.integers(-(10**9), 10**9))
def test_a_duration_survives_its_text(millis: int) -> None:
    assert duration.parse(duration.text(millis / 1000)) == millis / 1000


def test_addresses() -> None:
    assert net.ip_messages("10.0.0.1") == net.ip_messages("::1") == []
    assert [t for t in ("", "1.2.3", "010.0.0.1", "::1%eth0", "1.2.3.4/8", "x" * 99) if not net.ip_messages(t)] == []
    assert net.family("::1") == "IPv6"
    assert net.contains("10.0.0.0/8", "10.255.0.1")
    assert not net.contains("10.0.0.0/8", "::1")


def test_ranges() -> None:
    assert net.cidr_messages("10.0.0.0/8") == []
    assert net.cidr_messages("10.0.0.1/8") == ['must not have bits set beyond the prefix length ("10.0.0.0/8")']
    assert net.cidr_messages("FD00::/64") == ['must be in canonical form ("fd00::/64")']
    assert [t for t in ("", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "/8") if not net.cidr_messages(t)] == []
    assert net.nth("10.96.0.0/16", 10) == "10.96.0.10"
    with pytest.raises(ValueError, match="has no address"):
        net.nth("10.0.0.0/30", 4)
    pods = net.subnets("10.244.0.0/16", 24)
    assert [next(pods), next(pods)] == ["10.244.0.0/24", "10.244.1.0/24"]
