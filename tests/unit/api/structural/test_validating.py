"""What structural schemas say about values: every keyword, each told as kube-apiserver tells it."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.rules import Found
from podo.api.structural.correlating import ABSENT
from podo.api.structural.formats import FORMATS
from podo.api.structural.listtypes import checker
from podo.api.structural.validating import validator
from tests.cpu import costs_at_most

Obj = dict[str, Any]


def told(schema: Obj, value: Any, old: Any = ABSENT) -> list[str]:
    found: Found = []
    validator({"type": "object", "properties": {"x": schema}})(
        {"x": value}, ABSENT if old is ABSENT else {"x": old}, None, found
    )
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("schema", "good", "bad", "message"),
    [
        ({"type": "string"}, "a", 1, 'x: Invalid value: "integer": x in body must be of type string: "integer"'),
        ({"type": "integer"}, 3.0, 1.5, 'x: Invalid value: "number": x in body must be of type integer: "number"'),
        ({"type": "number"}, 3, "3", 'x: Invalid value: "string": x in body must be of type number: "string"'),
        ({"type": "boolean"}, True, 1, 'x: Invalid value: "integer": x in body must be of type boolean: "integer"'),
        ({"type": "integer"}, 0, True, 'x: Invalid value: "boolean": x in body must be of type integer: "boolean"'),
        ({"type": "string"}, "", None, 'x: Invalid value: "null": x in body must be of type string: "null"'),
        (
            {"type": "string", "minLength": 2},
            "ab",
            "a",
            'x: Invalid value: "a": x in body should be at least 2 chars long',
        ),
        ({"type": "string", "maxLength": 2}, "äö", "abc", "x: Too long: may not be more than 2 bytes"),
        ({"type": "string", "pattern": "^a+$"}, "aa", "ab", "x: Invalid value: \"ab\": x in body should match '^a+$'"),
        (
            {"type": "string", "format": "ipv4"},
            "10.0.0.1",
            "10.0.0",
            'x: Invalid value: "10.0.0": x in body must be of type ipv4: "10.0.0"',
        ),
        ({"type": "integer", "maximum": 5}, 5, 6, "x: Invalid value: 6: x in body should be less than or equal to 5"),
        (
            {"type": "integer", "minimum": 5},
            5,
            4,
            "x: Invalid value: 4: x in body should be greater than or equal to 5",
        ),
        (
            {"type": "integer", "maximum": 5, "exclusiveMaximum": True},
            4,
            5,
            "x: Invalid value: 5: x in body should be less than 5",
        ),
        (
            {"type": "number", "minimum": 0.5, "exclusiveMinimum": True},
            0.6,
            0.5,
            "x: Invalid value: 0.5: x in body should be greater than 0.5",
        ),
        ({"type": "integer", "multipleOf": 3}, 9, 10, "x: Invalid value: 10: x in body should be a multiple of 3"),
        ({"type": "string", "enum": ["a", "b"]}, "b", "c", 'x: Unsupported value: "c": supported values: "a", "b"'),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            ["a"],
            ["a", "b"],
            "x: Too many: 2: must have at most 1 items",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ["a"],
            [],
            "x: Invalid value: []: x in body should have at least 1 items",
        ),
        (
            {"type": "array", "items": {"type": "string"}},
            ["a"],
            ["a", 2],
            'x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer"',
        ),
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}, "x.a: Required value"),
        (
            {"type": "object", "maxProperties": 1},
            {"a": 1},
            {"a": 1, "b": 1},
            "x: Too many: 2: must have at most 1 items",
        ),
        (
            {"type": "object", "minProperties": 1},
            {"a": 1},
            {},
            "x: Invalid value: {}: x in body should have at least 1 properties",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"a": "b"},
            {"a": 1},
            'x.a: Invalid value: "integer": x.a in body must be of type string: "integer"',
        ),
        (
            {"x-kubernetes-int-or-string": True},
            "10%",
            1.5,
            'x: Invalid value: "number": x in body must be of type integer,string: "number"',
        ),
        (
            {"type": "integer", "not": {"enum": [3]}},
            4,
            3,
            '<nil>: Invalid value: "": "x" must not validate the schema (not)',
        ),
    ],
)
def test_a_keyword(schema: Obj, good: Any, bad: Any, message: str) -> None:
    assert told(schema, good) == []
    assert told(schema, bad) == [message]


def test_several_schemas_at_once() -> None:
    either = {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert told(either, {"a": 1}) == told(either, {"a": 1, "b": 1}) == []
    nothing, nearest = told(either, {})
    assert nothing == '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)'
    assert nearest == "x.a: Required value"
    one = {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert told(one, {"b": 1}) == []
    said = '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). '
    assert told(one, {"a": 1, "b": 1}) == [said + "Found 2 valid alternatives"]
    assert told(one, {})[0] == said + "Found none valid"
    every = {"type": "object", "allOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert told(every, {"a": 1, "b": 1}) == []
    assert told(every, {"a": 1}) == [
        '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
        "x.b: Required value",
    ]


def test_null_where_it_is_a_value() -> None:
    assert told({"type": "string", "nullable": True}, None) == []
    assert told({"type": "string", "nullable": True, "enum": ["a"]}, None) == []
    assert told({"x-kubernetes-preserve-unknown-fields": True}, None) == []


def test_what_has_not_changed_may_stay_wrong() -> None:
    schema = {"type": "array", "items": {"type": "integer", "maximum": 3}}
    assert told(schema, [9], [9]) == []
    assert len(told(schema, [9, 9], [9])) == 2  # items of a plain list cannot be told from each other
    assert len(told({"type": "integer", "enum": [2]}, True, 1)) == 2  # 1 is not true
    keyed = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer", "maximum": 3}}},
    }
    old = [{"name": "a", "n": 9}, {"name": "b", "n": 1}]
    assert told(keyed, [{"name": "b", "n": 2}, {"name": "a", "n": 9}], old) == []
    assert len(told(keyed, [{"name": "b", "n": 9}, {"name": "a", "n": 9}], old)) == 1


def test_sets_and_maps_hold_nothing_twice() -> None:
    check = checker(
        {
            "type": "object",
            "properties": {"s": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}},
        }
    )
    found: Found = []
    assert check is not None
    check({"s": ["a", "b", "a", "a"]}, None, found)
    assert [str(problem) for problem in found] == ['s[2]: Duplicate value: "a"']
    item = {"type": "object", "properties": {"k": {"type": "string", "default": "x"}}}
    keyed = checker(
        {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}
    )
    found = []
    assert keyed is not None
    keyed([{"k": "x", "n": 1}, {"n": 2}], None, found)
    assert [str(problem) for problem in found] == ['[1]: Duplicate value: {"k":"x"}']


FORMAT_EXAMPLES = {
    "bsonobjectid": ("507f1f77bcf86cd799439011", "507f"),
    "byte": ("YWJj", "a"),
    "cidr": ("10.0.0.0/8", "10.0.0.0"),
    "creditcard": ("4111-1111-1111-1111", "4111"),
    "date": ("2026-02-28", "2026-02-30"),
    "datetime": ("2026-02-28T10:00:00+01:00", "2026-02-30T10:00:00Z"),
    "duration": ("1h30m", "soon"),
    "email": ("a@example.com", "a@"),
    "hexcolor": ("#ff00aa", "#ff"),
    "hostname": ("web.example.com", "-web"),
    "ipv4": ("10.0.0.1", "::1"),
    "ipv6": ("::1", "10.0.0.1"),
    "isbn": ("978-3-16-148410-0", "978"),
    "isbn10": ("0-306-40615-2", "0-306-40615-3"),
    "isbn13": ("9783161484100", "9783161484101"),
    "k8slongname": ("a.b", "A"),
    "k8sshortname": ("a", "a.b"),
    "mac": ("00:1a:2b:3c:4d:5e", "00:1a"),
    "password": ("anything", None),
    "rgbcolor": ("rgb(1, 2, 255)", "rgb(1, 2, 256)"),
    "ssn": ("111-22-3333", "111"),
    "uri": ("https://example.com/a?b=c", "no uri"),
    "uuid": ("0190d8d2-7a3c-7000-8000-000000000000", "0190d8d2"),
    "uuid3": ("a3bb189e-8bf9-3888-9912-ace4e6543002", "a3bb189e-8bf9-4888-9912-ace4e6543002"),
    "uuid4": ("a3bb189e-8bf9-4888-9912-ace4e6543002", "a3bb189e-8bf9-3888-9912-ace4e6543002"),
    "uuid5": ("a3bb189e-8bf9-5888-9912-ace4e6543002", "a3bb189e-8bf9-3888-9912-ace4e6543002"),
}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_format(format: str) -> None:
    good, bad = FORMAT_EXAMPLES[format]
    schema = {"type": "string", "format": format}
    assert told(schema, good) == []
    assert bad is None or len(told(schema, bad)) == 1


def test_no_pattern_can_hold_the_server() -> None:
    with costs_at_most(1):
        assert len(told({"type": "string", "pattern": "^(a+)+$"}, "a" * 100_000 + "b")) == 1
    with costs_at_most(5):
        for format in FORMATS:
            told({"type": "string", "format": format}, "1a-:." * 13_000)
