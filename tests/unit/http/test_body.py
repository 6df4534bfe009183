"""A body that is joined while it is sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podo.http.body import JOINED, Joined, parts_of, size_of
from podo.http.serving import slices


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_it_is_the_values_with_commas_between(values: list[bytes]) -> None:
    body = Joined(b"[", values, b"]")
    assert b"".join(body) == b"[" + b",".join(values) + b"]"
    assert size_of(body) == len(b"".join(body))
    assert list(parts_of(body)) == list(body)  # as often as asked


@given(st.lists(st.integers(0, 3 * JOINED), max_size=6))
def test_slices_of_it_are_no_longer_than_allowed(sizes: list[int]) -> None:
    body = Joined(b"{", [b"x" * size for size in sizes], b"}")
    limit = 256 * 1024
    gathered = list(slices(body, limit))
    assert all(sum(map(len, one)) <= limit for one in gathered)
    assert b"".join(b"".join(one) for one in gathered) == b"".join(body)


def test_small_values_are_sent_many_at_a_time() -> None:
    body = Joined(b"[", [b"x" * 1000] * 5000, b"]")
    assert max(map(len, body)) <= JOINED + 1000
    assert len(list(slices(body, 256 * 1024))) < 30


def test_the_size_of_other_bodies() -> None:
    assert size_of(b"abc") == size_of([b"a", b"bc"]) == 3
