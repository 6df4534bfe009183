from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podo.storage.sortedkeys import SortedKeys

KEYS = st.text(st.sampled_from("ab/-0"), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=200), KEYS, st.integers(0, 60), st.integers(0, 60))
def test_it_is_a_sorted_list(steps: list[tuple[bool, str]], probe: str, start: int, size: int) -> None:
    keys, model = SortedKeys(block=4), set()
    for adding, key in steps:
        if adding and key not in model:
            model.add(key)
            keys.add(key)
        elif not adding and key in model:
            model.remove(key)
            keys.remove(key)
    ordered = sorted(model)
    copy = keys.copy()
    keys.add("~")
    assert copy.between(0, len(ordered)) == ordered
    assert copy.between(start, start + size) == ordered[start : start + size]
    assert copy.below(probe) == sum(key < probe for key in ordered)
    assert copy.upto(probe) == sum(key <= probe for key in ordered)
