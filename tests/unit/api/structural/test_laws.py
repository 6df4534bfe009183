"""Laws of structural schemas that hold for any schema and any value."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.structural.schema import StructuralSchema

Obj = dict[str, Any]

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS: list[Obj] = [
    {"type": "string"},
    {"type": "string", "maxLength": 2},
    {"type": "integer", "default": 7},
    {"type": "integer", "nullable": True, "default": 3},
    {"type": "boolean"},
    {"x-kubernetes-int-or-string": True},
    {"x-kubernetes-preserve-unknown-fields": True},
]


def _objects(inner: st.SearchStrategy[Obj]) -> st.SearchStrategy[Obj]:
    keeps = st.sampled_from([{}, {"x-kubernetes-preserve-unknown-fields": True}])
    fields = st.dictionaries(NAMES, inner, max_size=3)
    required = st.lists(NAMES, max_size=1)
    return st.builds(
        lambda f, k, r: {"type": "object", "properties": f, **k, **({"required": r} if r else {})},
        fields,
        keeps,
        required,
    )


def _containers(inner: st.SearchStrategy[Obj]) -> st.SearchStrategy[Obj]:
    lists = st.builds(lambda one: {"type": "array", "items": one}, inner)
    maps = st.builds(lambda one: {"type": "object", "additionalProperties": one}, inner)
    return st.one_of(_objects(inner), lists, maps)


SCHEMAS = _objects(st.recursive(st.sampled_from(SCALARS), _containers, max_leaves=8))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab", max_size=3), st.floats(-2, 2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=10,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=3)


def compiled(schema: Obj) -> StructuralSchema:
    return StructuralSchema(schema, "example.com", "v1", "Thing")


def thing(fields: Obj) -> Obj:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, **fields}


def copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, FIELDS)
def test_pruning_and_defaults_settle_at_once(schema: Obj, fields: Obj) -> None:
    of, obj = compiled(schema), thing(copy(fields))
    of.decode(obj)
    of.fill_in(obj)
    once = copy(obj)
    assert of.decode(obj) == []  # nothing is unknown any more
    of.fill_in(obj)
    of.read(obj)
    assert obj == once


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, FIELDS)
def test_an_unchanged_object_is_never_refused(schema: Obj, fields: Obj) -> None:
    of, obj = compiled(schema), thing(copy(fields))
    before = copy(obj)
    assert list(of.problems(obj, before)) == []
    assert obj == before  # looking changes nothing


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, FIELDS, FIELDS)
def test_a_good_object_is_good_whatever_it_was_before(schema: Obj, fields: Obj, former: Obj) -> None:
    of, obj = compiled(schema), thing(copy(fields))
    if not list(of.problems(obj, None)):
        assert list(of.problems(obj, thing(former))) == []
    else:
        told = {str(problem) for problem in of.problems(obj, None)}
        assert {str(problem) for problem in of.problems(obj, thing(former))} <= told
