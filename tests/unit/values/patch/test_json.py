"""JSON patch: RFC 6902's examples, errors, and limits."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.patch import PatchError, json
from tests.cpu import costs_at_most

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


#: What goes beyond the RFC: document, patch, result.
LIBERTIES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"a": 1}, [{"op": "add", "path": "/b"}], {"a": 1, "b": None}),
    ({"a": {}}, [{"op": "replace", "path": "/a/b", "value": 1}], {"a": {"b": 1}}),
    ({"a": 1}, [{"op": "copy", "from": "/none", "path": "/b"}], {"a": 1, "b": None}),
    ({"a": [1, 2]}, [{"op": "remove", "path": "/a/-1"}], {"a": [1]}),
    ({"a": [1, 2]}, [{"op": "replace", "path": "/a/-2", "value": 0}], {"a": [0, 2]}),
    ({"a": [1, 2]}, [{"op": "add", "path": "/a/-1", "value": 3}], {"a": [1, 2, 3]}),
    ({"a": [{"b": 1}]}, [{"op": "add", "path": "/a/-1/b", "value": 2}], {"a": [{"b": 2}]}),
    ({"a": [1, {}]}, [{"op": "move", "from": "/a/0", "path": "/a/0/x"}], {"a": [{"x": 1}]}),
    ({"a": [1, 2]}, [{"op": "remove", "path": "/a/01"}], {"a": [1]}),
    ({"a": 1}, [{"op": "test", "path": "/b"}], {"a": 1}),
]


@pytest.mark.parametrize(("document", "patch", "expected"), LIBERTIES)
def test_what_the_api_server_takes_beyond_the_rfc(document: Any, patch: list[dict[str, Any]], expected: Any) -> None:
    kept = copy.deepcopy(document)
    assert json.apply(document, patch) == expected
    assert document == kept


_NO_PATH = "operation failed to decode path"
_NOT_AN_INDEX = 'strconv.Atoi: parsing "x": invalid syntax'
_OUTSIDE = "Unable to access invalid index: 2: invalid index referenced"
WRONG: list[tuple[Any, str]] = [
    ({}, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
    ("x", "json: cannot unmarshal string into Go value of type jsonpatch.Patch"),
    ([1], "json: cannot unmarshal number into Go value of type jsonpatch.Operation"),
    ([{}], "Unexpected kind: unknown"),
    ([{"op": "nothing", "path": "/a"}], "Unexpected kind: nothing"),
    ([{"op": "add"}], f"add {_NO_PATH}: missing value"),
    ([{"op": "remove", "path": 5}], f"remove {_NO_PATH}: missing value"),
    ([{"op": "test"}], f"test {_NO_PATH}: operation missing path field: missing value"),
    (
        [{"op": "move", "path": "/b"}],
        "move operation failed to decode from: operation, missing from field: missing value",
    ),
    ([{"op": "add", "path": "a", "value": 1}], "'a' is not a JSON pointer"),
    ([{"op": "add", "path": "", "value": 1}], 'add operation does not apply: doc is missing path: "": missing value'),
    (
        [{"op": "add", "path": "/text/0", "value": 1}],
        'add operation does not apply: doc is missing path: "/text/0": missing value',
    ),
    (
        [{"op": "add", "path": "/list/x", "value": 1}],
        f"error in add for path: '/list/x': value was not a proper array index: 'x': {_NOT_AN_INDEX}",
    ),
    (
        [{"op": "add", "path": "/list/4", "value": 1}],
        "error in add for path: '/list/4': Unable to access invalid index: 4: invalid index referenced",
    ),
    (
        [{"op": "remove", "path": "/none"}],
        "error in remove for path: '/none': Unable to remove nonexistent key: none: missing value",
    ),
    ([{"op": "remove", "path": ""}], 'remove operation does not apply: doc is missing path: "": missing value'),
    ([{"op": "remove", "path": "/list/2"}], f"error in remove for path: '/list/2': {_OUTSIDE}"),
    ([{"op": "remove", "path": "/list/x"}], f"error in remove for path: '/list/x': {_NOT_AN_INDEX}"),
    (
        [{"op": "replace", "path": "/none/a", "value": 1}],
        "replace operation does not apply: doc is missing path: /none/a: missing value",
    ),
    (
        [{"op": "replace", "path": "/list/-", "value": 1}],
        "replace operation does not apply: doc is missing key: /list/-: missing value",
    ),
    ([{"op": "replace", "path": "", "value": 1}], "replace operation value must be object or array"),
    (
        [{"op": "move", "path": "/flag/x", "from": "/flag"}],
        "move operation does not apply: doc is missing destination path: /flag/x: missing value",
    ),
    (
        [{"op": "move", "path": "/a", "from": "/none"}],
        "error in move for path: 'none': Unable to remove nonexistent key: none: missing value",
    ),
    (
        [{"op": "copy", "path": "/b", "from": "/none/a"}],
        "copy operation does not apply: doc is missing from path: /none/a: missing value",
    ),
    ([{"op": "copy", "path": "/b", "from": "/list/2"}], f"error in copy for from: '/list/2': {_OUTSIDE}"),
    ([{"op": "test", "path": "/flag", "value": 1}], "testing value /flag failed: test failed"),
    ([{"op": "test", "path": "/list/0"}], "testing value /list/0 failed: test failed"),
    ([{"op": "test", "path": "/none/a"}], "test operation does not apply: is missing path: /none/a: missing value"),
    ([{"op": "test", "path": "/list/2"}], f"error in test for path: '/list/2': {_OUTSIDE}"),
]


@pytest.mark.parametrize(("patch", "why"), WRONG)
def test_wrong_patches_are_refused_as_the_api_server_says_it(patch: Any, why: str) -> None:
    with pytest.raises(PatchError) as caught:
        json.apply({"list": [1, 2], "text": "t", "flag": True}, patch)
    assert str(caught.value) == why


@pytest.mark.parametrize("path", ["/list/" + "9" * 5000, "/a" * 5000, "/a" * 500])
def test_endless_pointers_are_refused(path: str) -> None:
    with pytest.raises(PatchError):
        json.apply({"list": [1, 2]}, [{"op": "add", "path": path, "value": 1}])


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
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/x{n}"} for n in range(200)]
    with costs_at_most(5), pytest.raises(PatchError, match="copy operations"):
        json.apply({"a": {"b": 1}}, doubling)


def test_many_changes_of_a_large_list_are_bounded() -> None:
    front = [{"op": "add", "path": "/a/0", "value": 1}] * json.MAX_OPERATIONS
    with costs_at_most(5), pytest.raises(PatchError, match="more than"):
        json.apply({"a": [0] * 500_000}, front)


PATHS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0"]), max_size=3).map(
    lambda t: "".join("/" + x for x in t)
)
OPERATIONS: Any = st.fixed_dictionaries(
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
        assert str(problem)
    assert (document, patch) == kept
