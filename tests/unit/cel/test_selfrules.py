"""Rules about values of a known schema: names and types are checked, values come in their types."""

from __future__ import annotations

from typing import Any

import pytest

from podo.cel.budget import Budget
from podo.cel.program import CompileError
from podo.cel.selfrules import schema_rules

SPEC: dict[str, Any] = {
    "min": {"type": "integer"},
    "max": {"type": "integer"},
    "x-prop": {"type": "string"},
    "namespace": {"type": "integer"},
    "a__b": {"type": "string"},
    "created": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "ttl": {"type": "string", "format": "duration"},
    "raw": {"type": "string", "format": "byte"},
    "weight": {"type": "number"},
    "port": {"x-kubernetes-int-or-string": True},
    "names": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    "items": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "integer"}}},
    },
    "maybe": {"type": "integer", "nullable": True},
    "grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    "foo_bar": {"type": "string"},
    "fooBar": {"type": "string"},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
RULES = schema_rules({"type": "object", "properties": {"spec": {"type": "object", "properties": SPEC}}}, root=True)
VALUE: dict[str, Any] = {
    "apiVersion": "a/v1",
    "kind": "K",
    "metadata": {"name": "singleton"},
    "spec": {
        "min": 1,
        "max": 2,
        "x-prop": "p",
        "namespace": 5,
        "a__b": "q",
        "created": "2020-01-01T00:00:00Z",
        "day": "2020-01-02",
        "ttl": "1h",
        "raw": "aGVsbG8=",
        "weight": 3,
        "port": "80%",
        "names": ["a", "b"],
        "counts": {"k": 1},
        "items": [{"name": "a", "v": 1}, {"name": "b", "v": 2}],
        "maybe": None,
        "grid": [[1], [2]],
        "foo_bar": "1",
        "fooBar": "2",
        "free": {"x": 1},
    },
}


@pytest.mark.parametrize(
    "expression",
    [
        "self.spec.min <= self.spec.max",
        "self.spec.x__dash__prop == 'p' && self.spec.__namespace__ > 0 && self.spec.a__underscores__b == 'q'",
        "self.spec.created + self.spec.ttl < self.spec.day",
        "self.spec.raw == b'hello'",
        "self.spec.weight == 3.0",
        "self.spec.port == '80%' && self.spec.port != 80 && type(self.spec.port) == string",
        "self.spec.names == ['b', 'a'] && self.spec.names + ['b', 'c'] == ['a', 'b', 'c']",
        "self.spec.counts.all(k, self.spec.counts[k] > 0) && 'k' in self.spec.counts",
        "self.spec.items.exists(i, i.name == 'a' && i.v < 10)",
        "self.spec.items + [self.spec.items[0]] == self.spec.items",
        "self.spec.maybe == null",
        "self.spec.grid[0][0] == 1",
        "self.spec.foo_bar + self.spec.fooBar == '12'",
        "self.metadata.name == 'singleton' && self.kind == 'K'",
        "self == oldSelf",
        "self.spec.items.map(i, i.v).sum() == 3",
    ],
)
def test_holds(expression: str) -> None:
    program = RULES.compile(expression)
    assert program.result == "bool"
    assert program.evaluate(RULES.variables(VALUE, VALUE, has_old=True), Budget()) is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("self.spec.nope == 1", "ERROR: <input>:1:10: undefined field 'nope'\n | self.spec.nope == 1\n | .........^"),
        ("has(self.spec.nope)", "ERROR: <input>:1:4: undefined field 'nope'\n | has(self.spec.nope)\n | ...^"),
        ("self.metadata.labels.size() > 0", "undefined field 'labels'"),
        ("self.spec.free.x == 1", "undefined field 'x'"),
        ("self.spec.min == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.spec.min + 1.0 == 2.0", "found no matching overload for '_+_' applied to '(int, double)'"),
    ],
)
def test_what_the_schema_has_not_does_not_compile(expression: str, message: str) -> None:
    with pytest.raises(CompileError) as raised:
        RULES.compile(expression)
    assert message in str(raised.value)


def test_tells_transition_rules() -> None:
    assert "oldSelf" in RULES.compile("self.spec.min >= oldSelf.spec.min").variables
    assert "oldSelf" not in RULES.compile("self.spec.min >= 0").variables


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "a"),
        ({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}, [{"a": "b"}]),
        ({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}, {"a": ["b"]}),
    ],
)
def test_the_former_value_may_be_optional(schema: dict[str, Any], value: Any) -> None:
    rules = schema_rules(schema, optional_old=True)
    program = rules.compile("oldSelf.hasValue() ? oldSelf.value() == self : false")
    assert program.evaluate(rules.variables(value, value, has_old=True)) is True
    assert program.evaluate(rules.variables(value)) is False


def test_a_value_without_formats_is_not_copied() -> None:
    rules = schema_rules({"type": "object", "properties": {"a": {"type": "string"}}})
    value = {"a": "b"}
    assert rules.to_cel(value) is value
