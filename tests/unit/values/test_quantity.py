"""Quantities: exact, canonical, and cheap for absurd texts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values import quantity
from podo.values.quantity import Quantity, QuantityError, canonical, parse
from tests.cpu import costs_at_most

CANONICAL = {
    "100m": "100m",
    "0.5": "500m",
    "1000m": "1",
    "1": "1",
    "1k": "1k",
    "1000": "1k",
    "1500": "1500",
    "1Gi": "1Gi",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "0.5Ki": "512",
    "1.1Ki": "1127",
    "1e3": "1e3",
    "1000e0": "1e3",
    "1E3": "1e3",
    "1E": "1E",
    "-1.5": "-1500m",
    "+3": "3",
    ".5": "500m",
    "5.": "5",
    "0": "0",
    "0Gi": "0",
    "1n": "1n",
    "0.1n": "1n",
    "12E": "9223372036854775807",
    "1e64": "9223372036854775807",
}
MALFORMED = ["", ".", "+", "a", "1 ", " 1", "1mm", "1Kib", "1Ki3", "1e", "1e1.5", "1_0", "٣", "1e1000000", "1e-1000000"]


@pytest.mark.parametrize(("text", "expected"), CANONICAL.items())
def test_canonical_text(text: str, expected: str) -> None:
    assert canonical(text) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_texts_are_refused(text: str) -> None:
    assert not quantity.is_valid(text)
    with pytest.raises(QuantityError):
        parse(text)


def test_messages_are_upstreams() -> None:
    with pytest.raises(QuantityError, match="quantities must match the regular expression"):
        parse("x")
    with pytest.raises(QuantityError, match="unable to parse quantity's suffix"):
        parse("1mm")


@pytest.mark.parametrize("text", ["1e1000000", "9" * 100_000, "1" + "e9" * 50_000, "1." + "0" * 100_000])
def test_absurd_texts_cost_next_to_nothing(text: str) -> None:
    with costs_at_most(0.01):
        assert not quantity.is_valid(text)


def test_whole_units_and_millis_are_rounded_up() -> None:
    assert quantity.as_int("1Ki") == 1024
    assert quantity.as_int("1500m") == 2
    assert quantity.cpu_millis("0.5") == 500
    assert quantity.cpu_millis("100u") == 1
    assert quantity.total(["100m", "0.9", "1Ki"]) == "1025"
    assert quantity.total([]) == "0"


def test_a_sum_keeps_the_first_format() -> None:
    assert str(parse("1Gi") + parse("1Gi")) == "2Gi"
    assert str(Quantity(0) + parse("1Gi")) == "1Gi"
    assert str(parse("1Gi") - parse("1Gi")) == "0"


def test_equal_amounts_are_equal_however_written() -> None:
    assert parse("1Ki") == parse("1024") == parse("1.024k")
    assert len({parse("1Ki"), parse("1024")}) == 1
    assert parse("999m") < parse("1") < parse("1001m")


SCALES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6}


@given(st.integers(0, 10**9), st.integers(0, 9), st.sampled_from(sorted(SCALES)))
def test_the_value_is_exact_and_survives_its_canonical_text(whole: int, digits: int, suffix: str) -> None:
    text = f"{whole // 10**digits}.{whole % 10**digits:0{digits or 1}d}{suffix}"
    shown = Fraction(int(text.rstrip("numkM").replace(".", "")), 10 ** (digits or 1))
    exact = shown * Fraction(10) ** (SCALES[suffix] + 9)
    assert parse(text).nano == -(-exact.numerator // exact.denominator)
    assert parse(canonical(text)) == parse(text)


@given(st.text(alphabet="0123456789.+-eEKMGTimnu", max_size=12))
def test_what_parses_has_a_stable_canonical_form(text: str) -> None:
    if quantity.is_valid(text):
        again = canonical(text)
        assert canonical(again) == again
        assert abs(parse(again).nano - parse(text).nano) < quantity.NANO  # binary texts round up to whole units
