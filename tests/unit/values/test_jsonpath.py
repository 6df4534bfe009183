"""JSONPath as printer columns and kubectl have it; and the order of API versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values.jsonpath import PathError, compiled
from podo.values.versions import priority
from tests.cpu import costs_at_most

OBJECT: dict[str, Any] = {
    "metadata": {"labels": {"a.b/c": "x", "plain": "y"}},
    "spec": {"numbers": [1, 2, 3], "none": None, "flag": False},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "age": 3},
            {"type": "Synced", "status": "False", "age": 9},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.flag", [False]),
        ("{.spec.numbers}", [[1, 2, 3]]),
        ("$.spec.numbers[0]", [1]),
        (".spec.numbers[-1]", [3]),
        (".spec.numbers[1:]", [2, 3]),
        (".spec.numbers[0:3:2]", [1, 3]),
        (".spec.numbers[*]", [1, 2, 3]),
        (".spec.numbers[0,2]", [1, 3]),
        (".spec.numbers[9]", []),
        (".spec.nothing.below", []),
        (".spec.none", [None]),
        (r".metadata.labels.a\.b/c", ["x"]),
        (".metadata.labels['a.b/c']", ["x"]),
        ('.metadata.labels["plain"]', ["y"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type != 'Ready')].status", ["False"]),
        (".status.conditions[?(@.age > 5)].type", ["Synced"]),
        (".status.conditions[?(@.missing)].type", []),
        (".status.conditions[?(@.age)].type", ["Ready", "Synced"]),
        ("..type", ["Ready", "Synced"]),
        (".status.*[0].type", ["Ready"]),
    ],
)
def test_a_path(path: str, found: list[Any]) -> None:
    assert compiled(path)(OBJECT) == found


@pytest.mark.parametrize(
    "path", [".a[", ".a[x]", ".a[1:2:0]", ".a b", "..", ".a..", ".a['x]", ".a[?(@.b ==)]", "." * 5000]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(PathError):
        compiled(path)


@given(st.text(alphabet=".[]'\"?()@*:,$ab=<\\ {}1-", max_size=20))
def test_any_text_is_a_path_or_none(text: str) -> None:
    try:
        find = compiled(text)
    except PathError:
        return
    assert isinstance(find(OBJECT), list)


def test_no_path_takes_long() -> None:
    with costs_at_most(1):
        for text in (
            f".a[?({' ' * 4000}",
            f".a[?({'@' * 4000})]",
            f".a[?(@.b=={' ' * 4000}x)]",
            f".a[{'[' * 4000}",
            ".a[?(@" * 600 + ")]" * 600,
        ):
            with pytest.raises(PathError):
                compiled(text)


def test_versions_in_the_order_of_preference() -> None:
    names = ["foo10", "v1", "v2", "v10", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1"]
    wanted = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
    assert sorted(names, key=priority) == wanted
