from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podo.storage.contract import Record
from podo.storage.stamping import restamped, unstamped


def stamp(value: bytes, revision: int) -> bytes:
    head, mark, rest = value.partition(b"{m{")
    return head + mark + b"r%d," % revision + rest


@given(st.text("{mr12,", max_size=12), st.text("r12,", max_size=30), st.integers(1, 2222), st.integers(1, 2222))
def test_the_value_as_written_is_found_again(head: str, tail: str, revision: int, later: int) -> None:
    """Also where what follows looks like stamps."""
    raw = (head + "{m{" + tail).encode()
    record = Record("k", stamp(raw, revision), 1, revision)
    assert unstamped(record, stamp) == raw
    assert restamped(record, later, stamp) == Record("k", stamp(raw, later), 1, later)
