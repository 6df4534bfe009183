"""JSON patch: RFC 6902's examples, errors, and limits."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.patch import PatchError, json

#: RFC 6902, appendix A: document, patch, result (None: an error).
EXAMPLES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    ({"foo": ["a", "b", "c"]}, [{"op": "move", "from": "/foo/0", "path": "/foo/2"}], {"foo": ["b", "c", "a"]}),
    (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}], None),
    ({"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"g": {}}}], {"foo": "bar", "child": {"g": {}}}),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}], {"foo": "bar", "baz": "qux"}),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}], None),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": "10"}], None),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
]


@pytest.mark.parametrize(("document", "patch", "expected"), EXAMPLES)
def test_rfc_examples(document: Any, patch: list[dict[str, Any]], expected: Any) -> None:
    kept = copy.deepcopy(document)
    if expected is None:
        with pytest.raises(PatchError):
            json.apply(document, patch)
    else:
        assert json.apply(document, patch) == expected
    assert document == kept


WRONG: list[Any] = [
    {},
    "x",
    [1],
    [{}],
    [{"op": "add"}],
    [{"op": "add", "path": "/a"}],
    [{"op": "add", "path": "a", "value": 1}],
    [{"op": "add", "path": 5, "value": 1}],
    [{"op": "nothing", "path": "/a"}],
    [{"op": "remove", "path": "/nowhere"}],
    [{"op": "remove", "path": ""}],
    [{"op": "replace", "path": "/nowhere", "value": 1}],
    [{"op": "replace", "path": "/list/-", "value": 1}],
    [{"op": "remove", "path": "/list/2"}],
    [{"op": "remove", "path": "/list/01"}],
    [{"op": "remove", "path": "/list/-1"}],
    [{"op": "remove", "path": "/list/+1"}],
    [{"op": "remove", "path": "/list/" + "9" * 5000}],
    [{"op": "add", "path": "/list/3", "value": 1}],
    [{"op": "add", "path": "/a" * 5000, "value": 1}],
    [{"op": "add", "path": "/a" * 500, "value": 1}],
    [{"op": "add", "path": "/text/0", "value": 1}],
    [{"op": "move", "path": "/list/0/x", "from": "/list/0"}],
    [{"op": "move", "path": "/b"}],
    [{"op": "copy", "path": "/b", "from": "/nowhere"}],
    [{"op": "test", "path": "/flag", "value": 1}],
    [{"op": "test", "path": "/list/0"}],
]


@pytest.mark.parametrize("patch", WRONG)
def test_wrong_patches_are_refused(patch: Any) -> None:
    with pytest.raises(PatchError):
        json.apply({"list": [1, 2], "text": "t", "flag": True}, patch)


def test_a_failed_test_is_told_apart_and_names_its_path() -> None:
    with pytest.raises(PatchError, match="testing value /a failed") as caught:
        json.apply({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])
    assert caught.value.failed_test


def test_ten_thousand_operations_are_the_limit() -> None:
    operation = {"op": "add", "path": "/a", "value": 1}
    assert json.apply({}, [operation] * json.MAX_OPERATIONS) == {"a": 1}
    with pytest.raises(PatchError, match="allowed maximum operations in a JSON patch is 10000, got 10001"):
        json.apply({}, [operation] * (json.MAX_OPERATIONS + 1))


def test_copies_of_copies_are_bounded() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/x{n}"} for n in range(200)]
    before = time.process_time()
    with pytest.raises(PatchError, match="copy operations"):
        json.apply({"a": [1]}, doubling)
    assert time.process_time() - before < 5


def test_many_changes_of_a_large_list_are_bounded() -> None:
    front = [{"op": "add", "path": "/a/0", "value": 1}] * json.MAX_OPERATIONS
    before = time.process_time()
    with pytest.raises(PatchError, match="more than"):
        json.apply({"a": [0] * 500_000}, front)
    assert time.process_time() - before < 5


PATHS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0"]), max_size=3).map(
    lambda t: "".join("/" + x for x in t)
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": PATHS},
    optional={"from": PATHS, "value": st.sampled_from([1, "x", {"a": [1]}, [], None])},
)


@given(st.lists(OPERATIONS, max_size=6))
def test_any_patch_applies_or_is_refused_and_changes_no_input(patch: list[dict[str, Any]]) -> None:
    document = {"a": [{"b": 1}, 2], "b": {"a": "x"}}
    kept = copy.deepcopy((document, patch))
    try:
        json.apply(document, patch)
    except PatchError as problem:
        assert str(problem).startswith("operation ")
    assert (document, patch) == kept
