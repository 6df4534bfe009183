"""Sets of fields: their algebra is that of the sets of their paths, and clients' sets are read or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values import fields
from podo.values.fields import Fields, Path
from podo.values.fields.elements import MAX_DEPTH, FieldsError, checked, lines, of_keys, of_value, shown

NAMES = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
SETS = st.sets(PATHS, max_size=8)


def made(wanted: set[Path]) -> Fields:
    return fields.of_paths(sorted(wanted))


def listed(found: Fields) -> set[Path]:
    return set(fields.paths(found))


@given(SETS, SETS)
def test_algebra(one: set[Path], other: set[Path]) -> None:
    a, b = made(one), made(other)
    assert listed(fields.union(a, b)) == one | other
    assert listed(fields.difference(a, b)) == one - other
    assert listed(fields.intersection(a, b)) == one & other
    below = {path for path in one if any(path[: len(high)] == high for high in other)}
    assert listed(fields.deep_difference(a, b)) == one - below
    assert (listed(a), listed(b)) == (one, other)


@given(SETS, SETS)
def test_one_form_for_one_set(one: set[Path], other: set[Path]) -> None:
    assert fields.union(made(one), made(other)) == made(one | other)
    assert fields.difference(made(one), made(other)) == made(one - other)
    assert fields.intersection(made(one), made(other)) == made(one & other)
    assert checked(made(one)) == made(one)


@given(SETS.filter(bool), SETS)
def test_what_is_there_already_changes_nothing(one: set[Path], other: set[Path]) -> None:
    both = made(one | other)
    assert fields.union(both, made(one)) is both


@given(SETS, PATHS)
def test_contains_and_leaves(one: set[Path], path: Path) -> None:
    assert fields.contains(made(one), path) == (path in one)
    longest = {path for path in one if not any(p != path and p[: len(path)] == path for p in one)}
    assert listed(fields.leaves(made(one))) == longest


def test_paths_as_messages_show_them() -> None:
    keys = of_keys({"protocol": "TCP", "containerPort": 80})
    assert keys == 'k:{"containerPort":80,"protocol":"TCP"}'
    path = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}', "f:image")
    assert shown(path) == '.spec.template.spec.containers[name="web"].image'
    assert shown(("f:ports", keys)) == '.ports[containerPort=80,protocol="TCP"]'
    assert shown(("f:finalizers", of_value("a/b"))) == '.finalizers[="a/b"]'
    assert shown(("f:a", "i:3")) == ".a[3]"
    found: Fields = {"f:b": {"f:c": {}}, "f:a": {".": {}, "f:d": {}}, "f:z": {}}
    assert list(lines(found)) == [".a", ".z", ".a.d", ".b.c"]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {"f:a": 1},
        {"x:a": {}},
        {"a": {}},
        {"k:": {}},
        {"k:{}": {}},
        {"k:[1]": {}},
        {"v:{": {}},
        {'i:"x"': {}},
        {"i:true": {}},
    ],
)
def test_what_is_no_set_is_refused(sent: Any) -> None:
    with pytest.raises(FieldsError):
        checked(sent)


def test_sets_of_clients_get_the_one_form() -> None:
    assert checked({'k:{"b":1, "a":"x"}': {}}) == {'k:{"a":"x","b":1}': {}}
    assert checked({"f:a": {".": {}}, ".": {}}) == {"f:a": {}}
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 2):
        deep = {"f:a": deep}
    with pytest.raises(FieldsError, match="depth"):
        checked(deep)
