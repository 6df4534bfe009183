"""Strategic merge patch: lists by merge key, plain lists, directives, order."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.patch import PatchError, merge, same, strategic
from tests.cpu import costs_at_most


@dataclass(frozen=True)
class F:
    merges: bool = False
    replaces: bool = False
    merge_key: str = ""
    element: Any = None


@dataclass(frozen=True)
class S:
    fields: dict[str, F] = field(default_factory=dict)

    def field(self, name: str) -> F | None:
        return self.fields.get(name)


CONTAINER = S({"env": F(merges=True, merge_key="name"), "args": F()})
POD = S(
    {
        "containers": F(merges=True, merge_key="name", element=CONTAINER),
        "finalizers": F(merges=True),
        "tolerations": F(),
        "strategy": F(replaces=True, element=S()),
        "keyless": F(merges=True, element=S()),
        "spec": F(element=S({"containers": F(merges=True, merge_key="name", element=CONTAINER)})),
    }
)


def apply(document: Any, patch: Any) -> Any:
    kept = copy.deepcopy((document, patch))
    result = strategic.apply(document, patch, POD)
    assert (document, patch) == kept, "an input was changed"
    return result


def named(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def test_elements_merge_by_key_and_keep_what_is_not_named() -> None:
    before = {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}
    patch = {"containers": [{"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}]}
    after = apply(before, patch)
    first, second = after["containers"]
    assert first["image"] == "2"
    assert {e["name"] for e in first["env"]} == {"X", "Y"}
    assert second == {"name": "b"}


def test_lists_without_the_merge_strategy_are_replaced() -> None:
    assert apply({"tolerations": [1, 2]}, {"tolerations": [3]}) == {"tolerations": [3]}
    assert apply({"unknown": named("a")}, {"unknown": named("b")}) == {"unknown": named("b")}


def test_null_deletes_and_objects_merge() -> None:
    assert apply({"a": 1, "m": {"x": 1, "y": 2}}, {"a": None, "m": {"x": None, "z": 3}}) == {"m": {"y": 2, "z": 3}}
    assert apply({}, {"m": {"x": None, "y": 1}}) == {"m": {"y": 1}}


def test_directive_delete_removes_an_element() -> None:
    before = {"containers": named("a", "b", "c")}
    assert apply(before, {"containers": [{"name": "b", "$patch": "delete"}]}) == {"containers": named("a", "c")}
    assert apply({}, {"containers": [{"name": "b", "$patch": "delete"}]}) == {"containers": []}


def test_directive_replace() -> None:
    assert apply({"containers": named("a", "b")}, {"containers": [{"$patch": "replace"}, {"name": "c"}]}) == {
        "containers": named("c")
    }
    assert apply({"m": {"x": 1}}, {"m": {"$patch": "replace", "y": 2}}) == {"m": {"y": 2}}
    assert apply({"m": {"x": 1}}, {"m": {"$patch": "delete"}}) == {"m": {}}
    assert apply({"m": {"x": 1}}, {"m": {"$patch": "merge", "y": 2}}) == {"m": {"x": 1, "y": 2}}


def test_the_replace_strategy_replaces_an_object() -> None:
    assert apply({"strategy": {"x": 1}}, {"strategy": {"y": 2}}) == {"strategy": {"y": 2}}


def test_retain_keys_drops_the_others() -> None:
    before = {"m": {"type": "A", "a": {}, "keep": 1}}
    patch = {"m": {"$retainKeys": ["type", "b", "keep"], "type": "B", "b": {}}}
    assert apply(before, patch) == {"m": {"type": "B", "b": {}, "keep": 1}}
    with pytest.raises(PatchError, match="retainKeys"):
        apply(before, {"m": {"$retainKeys": ["type"], "b": 1}})


def test_plain_lists_merge_without_doubles() -> None:
    assert sorted(apply({"finalizers": ["a", "b"]}, {"finalizers": ["b", "c"]})["finalizers"]) == ["a", "b", "c"]


def test_delete_from_a_plain_list() -> None:
    assert apply({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}) == {"finalizers": ["b"]}
    patch = {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}
    assert sorted(apply({"finalizers": ["a", "b"]}, patch)["finalizers"]) == ["b", "c"]
    assert apply({}, {"$deleteFromPrimitiveList/finalizers": ["a"]}) == {}


def test_set_element_order() -> None:
    before = {"containers": named("a", "b", "c")}
    order = {"$setElementOrder/containers": named("c", "a")}
    # b keeps its place between a and c only as far as the wanted order lets it
    after = [c["name"] for c in apply(before, order)["containers"]]
    assert after.index("c") < after.index("a") and sorted(after) == ["a", "b", "c"]
    patch = {"$setElementOrder/containers": named("new", "a", "b", "c"), "containers": named("new")}
    assert apply(before, patch) == {"containers": named("new", "a", "b", "c")}
    plain = {"$setElementOrder/finalizers": ["b", "a"], "finalizers": ["b"]}
    assert apply({"finalizers": ["a"]}, plain) == {"finalizers": ["b", "a"]}


def test_a_server_only_element_keeps_its_place() -> None:
    before = {"containers": named("server", "a")}
    patch = {"$setElementOrder/containers": named("a", "b"), "containers": named("b")}
    assert apply(before, patch) == {"containers": named("server", "a", "b")}


@pytest.mark.parametrize(
    "patch",
    [
        [],
        {"containers": [{"image": "x"}]},
        {"containers": [{"name": "a"}, 5]},
        {"containers": [{"$patch": "delete"}]},
        {"keyless": [{"a": 1}]},
        {"m": {"$patch": "explode"}},
        {"$unknown": 1},
        {"m": {"$retainKeys": "x"}},
        {"$setElementOrder/containers": 5},
        {"$deleteFromPrimitiveList/finalizers": 5},
    ],
)
def test_wrong_patches_are_refused(patch: Any) -> None:
    with pytest.raises(PatchError):
        apply({"containers": named("a"), "finalizers": ["a"], "m": {}}, patch)


def test_large_lists_cost_no_square() -> None:
    many = [str(n) for n in range(20_000)]
    with costs_at_most(5):
        assert apply({"finalizers": many}, {"$deleteFromPrimitiveList/finalizers": many}) == {"finalizers": []}
        gone = [{"name": n, "$patch": "delete"} for n in many]
        assert apply({"containers": named(*many)}, {"containers": gone}) == {"containers": []}
        assert apply({"containers": named(*many)}, {"containers": named(*many)}) == {"containers": named(*many)}


NAMES = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)
LISTS = NAMES.map(lambda names: [{"name": n, "image": n * 2} for n in names])


@given(LISTS, LISTS)
def test_merging_keeps_one_element_for_each_key(before: Any, patch: Any) -> None:
    after = apply({"containers": before}, {"containers": patch})["containers"]
    names = [element["name"] for element in after]
    assert sorted(names) == sorted({element["name"] for element in before + patch})
    kept = [element["name"] for element in before if element not in patch]
    assert [name for name in names if name in kept] == kept
    again = apply({"containers": after}, {"containers": patch})["containers"]
    assert again == after


KEYS = st.sampled_from("abc")
VALUES = st.recursive(st.integers(0, 2) | st.none(), lambda inner: st.dictionaries(KEYS, inner, max_size=2))


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES))
def test_without_schema_and_directives_it_is_a_merge_patch(document: Any, patch: Any) -> None:
    assert same(strategic.apply(document, patch, None), merge.apply(document, patch))
