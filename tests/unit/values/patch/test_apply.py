"""Server-side apply as pure functions: how values merge by their layout, what is pruned, conflicts, and its laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.fields import Fields, deep_difference, union
from podo.values.fields.compare import changes, fields_of, whole
from podo.values.fields.elements import lines
from podo.values.fields.layout import DEDUCED, UNKNOWN, UNTRACKED, Items, Keyed, Layout, Struct
from podo.values.patch import PatchError
from podo.values.patch.apply import Conflicts, apply, remove

LABELS = Struct(lambda name: None, is_map=True)


def struct(**members: Layout | None) -> Struct:
    return Struct(lambda name: members.get(name, UNKNOWN))


PORTS = Keyed({"port": None, "protocol": "TCP"}, struct(port=None, protocol=None, name=None))
ITEM = struct(name=None, image=None, args=None, ports=PORTS, free=DEDUCED)
ROOT = struct(
    kind=UNTRACKED,
    replicas=None,
    labels=LABELS,
    items=Keyed({"name": None}, ITEM),
    finalizers=Items(),
    nested=struct(a=None, b=None),
)

Owned = dict[str, Fields]


def steps(*applies: tuple[str, Any], force: bool = False) -> tuple[Any, Owned]:
    live: Any = {}
    owned: Owned = {}
    for manager, config in applies:
        done = apply(live, config, ROOT, owned, manager, force=force)
        live, owned = done.obj, done.owned
    return live, owned


def test_maps_merge_and_what_is_no_longer_applied_goes() -> None:
    live, owned = steps(("m", {"labels": {"a": "1", "b": "2"}, "replicas": 3}), ("m", {"labels": {"b": "3"}}))
    assert live == {"labels": {"b": "3"}}
    assert owned == {"m": {"f:labels": {"f:b": {}}}}


def test_what_somebody_else_owns_stays() -> None:
    live, owned = steps(("m", {"replicas": 3}), ("n", {"replicas": 3}), ("m", {}))
    assert live == {"replicas": 3}
    assert owned == {"n": {"f:replicas": {}}}


def test_a_conflict_names_the_fields_and_their_owners() -> None:
    with pytest.raises(Conflicts) as found:
        steps(("m", {"replicas": 3, "labels": {"a": "1"}}), ("n", {"replicas": 4, "labels": {"a": "2", "b": "1"}}))
    assert {manager: sorted(lines(fields)) for manager, fields in found.value.fields.items()} == {
        "m": [".labels.a", ".replicas"]
    }


def test_force_takes_over() -> None:
    live, owned = steps(("m", {"replicas": 3, "labels": {"a": "1"}}), ("n", {"replicas": 4}), force=True)
    assert live["replicas"] == 4
    assert owned == {"m": {"f:labels": {"f:a": {}}}, "n": {"f:replicas": {}}}


def test_the_same_value_is_shared() -> None:
    _, owned = steps(("m", {"replicas": 3}), ("n", {"replicas": 3}))
    assert owned == {"m": {"f:replicas": {}}, "n": {"f:replicas": {}}}


def test_items_merge_by_key_and_keep_the_applied_order() -> None:
    live, owned = steps(
        ("m", {"items": [{"name": "a", "image": "1"}, {"name": "c", "image": "1"}]}),
        ("n", {"items": [{"name": "b"}, {"name": "c", "args": ["x"]}]}),
    )
    assert [item["name"] for item in live["items"]] == ["a", "b", "c"]
    assert live["items"][2] == {"name": "c", "image": "1", "args": ["x"]}
    live, owned = apply_again(live, owned, "m", {})
    assert live["items"] == [{"name": "b"}, {"name": "c", "args": ["x"]}]
    assert list(owned) == ["n"]


def apply_again(live: Any, owned: Owned, manager: str, config: Any) -> tuple[Any, Owned]:
    done = apply(live, config, ROOT, owned, manager)
    return done.obj, done.owned


def test_an_item_goes_with_all_in_it_unless_somebody_else_owns_the_item() -> None:
    live = {"items": [{"name": "a", "image": "1", "args": ["x"]}]}
    item = 'k:{"name":"a"}'
    owned: Owned = {"m": {"f:items": {item: {".": {}, "f:name": {}, "f:image": {}}}}}
    partly: Fields = {"f:items": {item: {"f:args": {}}}}
    assert apply(live, {}, ROOT, {**owned, "u": partly}, "m").obj == {}
    itself: Fields = {"f:items": {item: {".": {}, "f:name": {}, "f:args": {}}}}
    kept = apply(live, {}, ROOT, {**owned, "u": itself}, "m")
    assert kept.obj == {"items": [{"name": "a", "args": ["x"]}]}
    assert kept.owned == {"u": itself}


def test_a_struct_stays_for_what_somebody_owns_of_it() -> None:
    live = {"nested": {"a": "1", "b": "2"}}
    mine: Fields = {"f:nested": {"f:a": {}}}
    theirs: Fields = {"f:nested": {"f:b": {}}}
    assert apply(live, {}, ROOT, {"m": mine, "u": theirs}, "m").obj == {"nested": {"b": "2"}}
    assert apply(live, {}, ROOT, {"m": mine}, "m").obj == {}
    assert apply(live, {"nested": {}}, ROOT, {"m": mine}, "m").obj == {"nested": {"b": "2"}}


def test_keys_with_defaults_and_of_two_members() -> None:
    live, _ = steps(
        ("m", {"items": [{"name": "a", "ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}]}),
        ("n", {"items": [{"name": "a", "ports": [{"port": 80, "protocol": "TCP", "name": "web"}]}]}),
    )
    assert live["items"][0]["ports"] == [
        {"port": 80, "protocol": "TCP", "name": "web"},
        {"port": 80, "protocol": "UDP"},
    ]


def test_sets_merge() -> None:
    live, owned = steps(("m", {"finalizers": ["a", "b"]}), ("n", {"finalizers": ["c", "b"]}), ("m", {}))
    assert live == {"finalizers": ["c", "b"]}
    assert owned == {"n": {"f:finalizers": {'v:"c"': {}, 'v:"b"': {}}}}


def test_lists_without_keys_are_one_field() -> None:
    with pytest.raises(Conflicts):
        steps(("m", {"items": [{"name": "a", "args": ["1"]}]}), ("n", {"items": [{"name": "a", "args": ["1", "2"]}]}))


def test_values_without_a_schema_merge_by_what_they_are() -> None:
    live, owned = steps(
        ("m", {"items": [{"name": "a", "free": {"x": {"y": 1}, "l": [1]}}]}),
        ("n", {"items": [{"name": "a", "free": {"x": {"z": 2}}}]}),
    )
    assert live["items"][0]["free"] == {"x": {"y": 1, "z": 2}, "l": [1]}
    free = owned["m"]["f:items"]['k:{"name":"a"}']["f:free"]
    assert free == {"f:x": {".": {}, "f:y": {}}, "f:l": {}}


def test_null_unsets_a_field_and_owns_it() -> None:
    live, owned = steps(("m", {"replicas": 3}), ("m", {"replicas": None}))
    assert live == {}
    assert owned == {"m": {"f:replicas": {}}}


def test_what_a_write_cannot_set_is_neither_owned_nor_in_conflict() -> None:
    done = apply({"replicas": 1}, {"replicas": 2}, ROOT, {"m": {"f:replicas": {}}}, "n", ignored={"f:replicas": {}})
    assert done.owned == {"m": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"items": [{"name": "a"}, {"name": "a"}]}, r'^\.items: duplicate entries for key \[name="a"\]$'),
        ({"items": [{"image": "x"}]}, r'^\.items: element 0: .* omits key field "name"'),
        ({"items": ["x"]}, r"^\.items: element 0: "),
        ({"items": [{"name": ["x"]}]}, r"^\.items: element 0"),
        ({"finalizers": ["a", "a"]}, r'^\.finalizers: duplicate entries for key \[="a"\]$'),
        ({"finalizers": [{}]}, r"^\.finalizers: element 0: "),
        ({"nested": {"c": 1}}, r"^\.nested\.c: field not declared in schema$"),
        ({"items": [{"name": "a", "imag": 1}]}, r'^\.items\[name="a"\]\.imag: field not declared in schema$'),
    ],
)
def test_configurations_that_cannot_be_applied(config: Any, why: str) -> None:
    with pytest.raises(PatchError, match=why):
        apply({}, config, ROOT, {}, "m")


def test_everything_new_has_structs_too() -> None:
    value = {"labels": {"a": "1"}, "items": [{"name": "x", "args": []}], "nested": {}, "kind": "K"}
    assert whole(value, ROOT) == {
        ".": {},
        "f:labels": {".": {}, "f:a": {}},
        "f:items": {".": {}, 'k:{"name":"x"}': {".": {}, "f:name": {}, "f:args": {}}},
        "f:nested": {},
    }
    assert fields_of(value, ROOT) == {
        "f:labels": {"f:a": {}},
        "f:items": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:args": {}}},
        "f:nested": {},
    }


def test_lists_with_an_item_twice_are_compared() -> None:
    twice = {"items": [{"name": "a", "image": "1"}, {"name": "a", "image": "2"}]}
    written, removed = changes(twice, {"items": [{"name": "a", "image": "1"}]}, ROOT)
    assert (list(lines(written)), removed) == (
        ['.items[name="a"]', '.items[name="a"].image', '.items[name="a"].name'],
        {},
    )
    done = apply(twice, {"items": [{"name": "b"}]}, ROOT, {}, "m")
    assert len(done.obj["items"]) == 3


# Laws

TEXTS = st.sampled_from(["", "x", "y"])
NAMES = st.sampled_from(["a", "b", "c", "d"])


def _some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


PORT_LISTS = st.lists(
    st.fixed_dictionaries({"port": st.integers(1, 2)}, optional={"protocol": st.sampled_from(["TCP", "UDP"])}),
    max_size=3,
    unique_by=lambda port: (port["port"], port.get("protocol", "TCP")),
)
ITEM_LISTS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={"image": TEXTS, "args": st.lists(TEXTS, max_size=2), "ports": PORT_LISTS},
    ),
    max_size=3,
    unique_by=lambda item: item["name"],
)
CONFIGS = _some(
    replicas=st.integers(0, 2),
    labels=st.dictionaries(NAMES, TEXTS, max_size=3),
    items=ITEM_LISTS,
    finalizers=st.lists(NAMES, max_size=3, unique=True),
    nested=_some(a=TEXTS, b=TEXTS),
)


def _sorted(value: Any) -> Any:
    """Without the order of items of lists that merge: two orders of applying may differ in it."""
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return sorted((_sorted(one) for one in value), key=lambda one: repr(sorted(one.items(), key=str)))
    return value


@given(CONFIGS, CONFIGS)
def test_applying_twice_is_applying_once(before: Any, config: Any) -> None:
    live, owned = steps(("n", before), ("m", config), force=True)
    again = apply(live, config, ROOT, owned, "m")
    assert (again.obj, again.owned) == (live, owned)


@given(CONFIGS, CONFIGS, CONFIGS)
def test_force_transfers(before: Any, theirs: Any, ours: Any) -> None:
    live, owned = steps(("m", before), ("m", theirs), ("n", ours), force=True)
    assert owned.get("n", {}) == fields_of(ours, ROOT)
    written, _ = changes({**live}, live, ROOT)
    assert written == {}
    check = apply(live, ours, ROOT, owned, "n")
    assert check.obj == live


@given(CONFIGS, CONFIGS)
def test_a_conflict_is_what_force_takes(theirs: Any, ours: Any) -> None:
    live, owned = steps(("m", theirs))
    forced = apply(live, ours, ROOT, owned, "n", force=True)
    try:
        plain = apply(live, ours, ROOT, owned, "n")
    except Conflicts as conflicts:
        lost = conflicts.fields["m"]
        assert set(lines(forced.owned.get("m", {}))) == set(lines(owned["m"])) - set(lines(lost))
    else:
        assert plain == forced


@given(CONFIGS, CONFIGS)
def test_disjoint_owners_commute(one: Any, other: Any) -> None:
    other = {key: value for key, value in other.items() if key not in one}
    assert steps(("m", one), ("n", other)) == steps(("n", other), ("m", one))


@given(CONFIGS, CONFIGS)
def test_owners_of_different_items_commute(one: Any, other: Any) -> None:
    """Also where both own items of the same lists and members of the same maps, as long as none differ."""
    try:
        first, owned = steps(("m", one), ("n", other))
        second, owned_ = steps(("n", other), ("m", one))
    except Conflicts:
        return
    assert owned == owned_
    assert _sorted({**first, "finalizers": None}) == _sorted({**second, "finalizers": None})
    assert set(first.get("finalizers") or ()) == set(second.get("finalizers") or ())


@given(CONFIGS)
def test_applying_nothing_removes_all_that_was_applied(config: Any) -> None:
    live, owned = steps(("m", config), ("m", {}))
    assert owned == {}
    assert fields_of(live, ROOT) == {} or set(lines(fields_of(live, ROOT))) <= {".labels", ".nested"}


@given(CONFIGS, CONFIGS)
def test_changes_tell_all_that_differs(old: Any, new: Any) -> None:
    written, removed = changes(old, new, ROOT)
    mine, theirs = fields_of(old, ROOT), fields_of(new, ROOT)
    empty = {".labels", ".nested"}  # structs and maps are fields only where they are empty
    assert set(lines(theirs)) - set(lines(mine)) - empty <= set(lines(written))
    without = deep_difference(mine, union(written, removed))
    assert set(lines(without)) - empty <= set(lines(theirs))
    assert changes(new, new, ROOT) == ({}, {})


@given(CONFIGS)
def test_removing_all_fields_leaves_nothing(config: Any) -> None:
    assert fields_of(remove(config, whole(config, ROOT), ROOT) or {}, ROOT) == {}
