"""Chance: a seed gives the same again, no seed never does, and names are made of the letters that names may have."""

from __future__ import annotations

import uuid

import pytest

from podo.runtime.chance import SUFFIX_LETTERS, Chance


@pytest.mark.parametrize("seed", [None, 7])
def test_what_is_drawn_has_its_form(seed: int | None) -> None:
    chance = Chance(seed)
    for _ in range(2000):
        assert set(chance.suffix()) <= set(SUFFIX_LETTERS)
        assert 0 <= chance.fraction() < 1
        assert 2 <= chance.jitter(2.0, 0.5) < 3
        assert 0 <= chance.below(10) < 10
    assert uuid.UUID(chance.uid()).version == 4


def test_a_seed_gives_the_same_again() -> None:
    assert [Chance("s").uid() for _ in range(2)] == [Chance("s").uid()] * 2
    assert Chance(1).suffix(20) != Chance(2).suffix(20)


def test_the_machines_entropy_covers_its_range_and_does_not_repeat() -> None:
    chance = Chance()
    drawn = [chance.fraction() for _ in range(20_000)]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) < 0.01
    assert max(drawn) > 0.99
    assert 0.48 < sum(drawn) / len(drawn) < 0.52
    assert len({chance.suffix() for _ in range(2000)}) > 1990
