"""x-kubernetes-validations: rules in CEL on custom resources, and what of them is refused in a definition."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.extension.definitions import (
    CRONTABS,
    DEFINITIONS,
    MERGE,
    Extended,
    Obj,
    crontab,
    definition,
    extended,
)


def ruled(rules: list[Obj], **fields: Any) -> Obj:
    number = {"type": "integer"}
    known = {"min": number, "max": number, "word": {"type": "string", "maxLength": 64}, **fields}
    return definition({"type": "object", "properties": known, "x-kubernetes-validations": rules})


def causes(answer: Obj) -> list[tuple[str, str, str]]:
    return [(one["field"], one["reason"], one["message"]) for one in answer["details"]["causes"]]


def test_a_rule_that_does_not_hold_is_told() -> None:
    async def test(world: Extended) -> None:
        rules = [
            {"rule": "self.min <= self.max", "message": "min is above max"},
            {"rule": "self.min >= 0"},
            {
                "rule": "self.word != 'bad'",
                "messageExpression": "'not the word ' + self.word",
                "fieldPath": ".word",
                "reason": "FieldValueForbidden",
            },
        ]
        await world.define(ruled(rules))
        assert (await world.ask("POST", CRONTABS, crontab("a", spec={"min": 1, "max": 2, "word": "w"})))[0] == 201
        status, answer = await world.ask("POST", CRONTABS, crontab("b", spec={"min": -1, "max": -2, "word": "bad"}))
        assert status == 422
        assert causes(answer) == [
            ("spec", "FieldValueInvalid", 'Invalid value: "object": min is above max'),
            ("spec", "FieldValueInvalid", 'Invalid value: "object": failed rule: self.min >= 0'),
            ("spec.word", "FieldValueForbidden", "Forbidden: not the word bad"),
        ]
        status, answer = await world.ask("POST", CRONTABS, crontab("b", spec={"max": 2, "word": "w"}))
        assert status == 422 and "no such key: min evaluating rule: min is above max" in answer["message"]
        status, answer = await world.ask("POST", CRONTABS, crontab("b", spec={"min": "x"}))
        assert causes(answer)[-1][2].startswith("Invalid value: null: some validation rules were not checked")

    extended(test)


def test_rules_about_a_change_see_both_sides() -> None:
    async def test(world: Extended) -> None:
        item = {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "size": {
                    "type": "integer",
                    "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "may only grow"}],
                },
            },
        }
        disks = {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": item,
        }
        once = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}]}
        await world.define(ruled([], disks=disks, once=once))
        made = {"once": "x", "disks": [{"name": "a", "size": 2}, {"name": "b", "size": 5}]}
        assert (await world.ask("POST", CRONTABS, crontab("a", spec=made)))[0] == 201
        changed = {"once": "y", "disks": [{"name": "b", "size": 4}, {"name": "c", "size": 1}, {"name": "a", "size": 3}]}
        status, answer = await world.ask("PATCH", f"{CRONTABS}/a", {"spec": changed}, content_type=MERGE)
        assert status == 422
        assert sorted(causes(answer)) == [
            ("spec.disks[0].size", "FieldValueInvalid", 'Invalid value: "integer": may only grow'),
            ("spec.once", "FieldValueInvalid", 'Invalid value: "string": is immutable'),
        ]

    extended(test)


def test_what_has_not_changed_is_not_held_against_a_write() -> None:
    async def test(world: Extended) -> None:
        await world.define(ruled([]))
        await world.ask("POST", CRONTABS, crontab("a", spec={"min": 5, "max": 2, "word": "toolong"}))
        stricter = ruled([{"rule": "self.min <= self.max"}], word={"type": "string", "maxLength": 3})
        name = f"{DEFINITIONS}/crontabs.stable.example.com"
        patch = {"spec": {"versions": stricter["spec"]["versions"]}}
        assert (await world.ask("PATCH", name, patch, content_type=MERGE))[0] == 200
        labels = {"metadata": {"labels": {"a": "b"}}}
        assert (await world.ask("PATCH", f"{CRONTABS}/a", labels, content_type=MERGE))[0] == 200
        status, answer = await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"min": 4}}, content_type=MERGE)
        assert status == 422 and [field for field, *_ in causes(answer)] == ["spec"]
        assert (await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"min": 1}}, content_type=MERGE))[0] == 200
        status, answer = await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"word": "longer"}}, content_type=MERGE)
        assert status == 422 and answer["details"]["causes"][0]["field"] == "spec.word"

    extended(test)


def test_an_optional_former_value_is_asked_for_on_create_too() -> None:
    async def test(world: Extended) -> None:
        rule = {
            "rule": "!oldSelf.hasValue() || oldSelf.value().min <= self.min",
            "optionalOldSelf": True,
            "message": "min may not fall",
        }
        await world.define(ruled([rule]))
        assert (await world.ask("POST", CRONTABS, crontab("a", spec={"min": 3})))[0] == 201
        status, answer = await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"min": 2}}, content_type=MERGE)
        assert status == 422 and "min may not fall" in answer["message"]

    extended(test)


def test_rules_that_cost_too_much_end() -> None:
    async def test(world: Extended) -> None:
        numbers = {"type": "array", "maxItems": 90, "items": {"type": "integer"}}
        rule = {"rule": "self.numbers.all(x, self.numbers.all(y, self.numbers.all(z, x + y + z >= 0)))"}
        await world.define(ruled([rule], numbers=numbers))
        status, answer = await world.ask("POST", CRONTABS, crontab("a", spec={"numbers": list(range(90))}))
        assert status == 422 and "call cost exceeds limit for rule" in answer["message"]

    extended(test)


def test_rules_that_could_cost_too_much_are_refused_with_the_definition() -> None:
    async def test(world: Extended) -> None:
        names = {"type": "array", "items": {"type": "string"}}
        rule = {"rule": "self.names.all(x, self.names.exists_one(y, x == y))"}
        status, answer = await world.ask("POST", DEFINITIONS, ruled([rule], names=names))
        spec = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
        field, reason, message = causes(answer)[0]
        assert (status, field, reason) == (422, spec, "FieldValueForbidden")
        assert "estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule" in message
        bounded = {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 20}}
        await world.define(ruled([rule], names=bounded))

    extended(test)


def test_a_rule_within_a_list_costs_as_often_as_there_are_items() -> None:
    async def test(world: Extended) -> None:
        word = {"type": "string", "maxLength": 1000, "x-kubernetes-validations": [{"rule": "self.matches('^a+b+$')"}]}
        endless = {"type": "array", "items": word}
        status, answer = await world.ask("POST", DEFINITIONS, ruled([], words=endless))
        assert status == 422 and "estimated rule cost exceeds budget by factor of " in answer["message"]
        await world.define(ruled([], words={**endless, "maxItems": 100}))

    extended(test)


@pytest.mark.parametrize(
    ("rule", "field", "why"),
    [
        ({"rule": "self.nothing == 1"}, "rule", "compilation failed: ERROR: <input>:1:5: undefined field 'nothing'"),
        ({"rule": "self.min"}, "rule", "cel expression must evaluate to a bool"),
        ({"rule": ""}, "rule", "rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "message", "must not contain line breaks"),
        ({"rule": "true", "messageExpression": "1"}, "messageExpression", "must evaluate to a string"),
        ({"rule": "true", "fieldPath": ".none"}, "fieldPath", "must be a valid path"),
        ({"rule": "true", "reason": "Nonsense"}, "reason", "supported values"),
        ({"rule": "true", "optionalOldSelf": True}, "optionalOldSelf", "may not be set if oldSelf is not used in rule"),
    ],
)
def test_a_bad_rule_is_refused_with_the_definition(rule: Obj, field: str, why: str) -> None:
    async def test(world: Extended) -> None:
        status, answer = await world.ask("POST", DEFINITIONS, ruled([rule]))
        path = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
        assert status == 422
        assert [(one, why in message) for one, _, message in causes(answer)] == [(f"{path}.{field}", True)]

    extended(test)


def test_former_items_of_a_plain_list_cannot_be_told() -> None:
    async def test(world: Extended) -> None:
        item = {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}
        status, answer = await world.ask("POST", DEFINITIONS, ruled([], numbers={"type": "array", "items": item}))
        assert status == 422
        assert "oldSelf cannot be used on the uncorrelatable portion of the schema within" in answer["message"]

    extended(test)
