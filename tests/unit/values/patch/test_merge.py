"""JSON merge patch: RFC 7386's examples and the laws of diff."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.patch import merge, same

#: RFC 7386, appendix A.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("document", "patch", "expected"), EXAMPLES)
def test_rfc_examples(document: Any, patch: Any, expected: Any) -> None:
    assert merge.apply(document, patch) == expected


PLAIN = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x"]), st.just(1.0))
KEYS = st.sampled_from("abc")
DOCUMENTS = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3))
PATCHES = st.recursive(
    PLAIN | st.none(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3)
)


@given(DOCUMENTS, DOCUMENTS)
def test_applying_the_diff_gives_the_other(before: Any, after: Any) -> None:
    assert same(merge.apply(before, merge.diff(before, after)), after)


@given(st.dictionaries(KEYS, DOCUMENTS))
def test_nothing_differs_from_itself(document: Any) -> None:
    assert merge.diff(document, copy.deepcopy(document)) == {}


@given(DOCUMENTS, PATCHES)
def test_a_patch_applied_twice_changes_nothing_more_and_no_input(document: Any, patch: Any) -> None:
    kept = copy.deepcopy((document, patch))
    once = merge.apply(document, patch)
    assert same(merge.apply(once, patch), once)
    assert (document, patch) == kept
