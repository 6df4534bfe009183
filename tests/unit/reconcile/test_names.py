from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from podo.reconcile.names import LENGTH, Sequence


def free(name: str) -> bool:
    return False


@given(st.text(min_size=1, max_size=36), st.integers(0, 10**6))
def test_a_position_is_read_back_from_its_name(uid: str, position: int) -> None:
    names = Sequence(uid, "web-")
    assert names.position(names.name(position)) == position
    assert len(names.name(position)) == len("web-") + LENGTH


@given(st.text(min_size=1, max_size=36), st.integers(0, 50))
def test_a_cache_that_is_behind_asks_for_names_that_exist(uid: str, behind: int) -> None:
    """Whatever prefix of the creates is seen, the next names are those that were created after it."""
    names = Sequence(uid, "web-")
    created = list(islice(names.after((), free), 50))
    seen = created[:behind]
    assert list(islice(names.after(seen, set(seen).__contains__), 50 - behind)) == created[behind:]


def test_names_move_on_past_deleted_ones() -> None:
    names = Sequence("uid", "web-")
    a, b, c, d, e = islice(names.after((), free), 5)
    assert next(names.after([a, c], free)) == d
    assert next(names.after([a, b], {c, d}.__contains__)) == e
    assert next(names.after([], free)) == a


def test_owners_and_bases_have_different_names() -> None:
    first = {next(Sequence(uid, base).after((), free)) for uid in ("u1", "u2") for base in ("web-", "api-")}
    assert len(first) == 4
    assert len({name[-LENGTH:] for name in first}) == 4


def test_a_long_base_leaves_room_for_the_suffix() -> None:
    name = Sequence("uid", "x" * 80).name(0)
    assert len(name) == 63
    assert Sequence("uid", "x" * 80).position(name) == 0


def test_foreign_names_have_no_position() -> None:
    names = Sequence("uid", "web-")
    assert [names.position(name) for name in ("web-", "api-bcdfg", "web-aaaaa", "web-bcdfgh")] == [None] * 4
