"""Whatever is sent about a custom kind is taken or refused with a reason: never an error of the server."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.apiserver.extension.definitions import (
    APPLY,
    CRONTABS,
    DEFINITIONS,
    MERGE,
    Extended,
    Obj,
    crontab,
    definition,
)

KEYS = st.sampled_from(["list", "set", "kept", "inner", "n", "s", "when", "port", "metadata", "name", "labels", "kind"])
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(-1e9, 1e9), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
ITEM = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}
SPEC: Obj = {
    "type": "object",
    "properties": {
        "list": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": ITEM,
        },
        "set": {"type": "array", "x-kubernetes-list-type": "set", "maxItems": 9, "items": {"type": "string"}},
        "kept": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "inner": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "n": {"type": "integer", "multipleOf": 3, "default": 3},
        "s": {"type": "string", "pattern": "^a", "maxLength": 9, "nullable": True},
        "when": {"type": "string", "format": "date-time"},
        "port": {"x-kubernetes-int-or-string": True},
    },
    "x-kubernetes-validations": [
        {"rule": "!has(self.n) || self.n != 6"},
        {"rule": "!has(self.when) || self.when > timestamp('2000-01-01T00:00:00Z')"},
        {"rule": "!has(self.list) || !has(oldSelf.list) || size(self.list) >= size(oldSelf.list)"},
    ],
}


def test_no_body_breaks_the_server() -> None:
    with asyncio.Runner() as runner:
        world = runner.run(Extended().start())
        runner.run(world.define(definition(SPEC, subresources={"status": {}})))
        runner.run(world.ask("POST", CRONTABS, crontab("here", spec={"list": [{"name": "a"}]})))

        @settings(max_examples=25, deadline=None)
        @given(ANY, ANY)
        def run(one: Any, other: Any) -> None:
            wholes: list[Any] = [crontab("new", spec=one, status=other), {**crontab("new"), "metadata": one}, one]
            for body in wholes:
                runner.run(taken_or_refused(world, "POST", f"{CRONTABS}?dryRun=All", body))
                runner.run(taken_or_refused(world, "PUT", f"{CRONTABS}/here?dryRun=All", body))
            for body in ({"spec": one, "status": other}, {"metadata": one}, [one]):
                runner.run(taken_or_refused(world, "PATCH", f"{CRONTABS}/here?dryRun=All", body, MERGE))
                runner.run(taken_or_refused(world, "PATCH", f"{CRONTABS}/here/status?dryRun=All", body, MERGE))
            applied = f"{CRONTABS}/here?fieldManager=me&dryRun=All&force=true"
            runner.run(taken_or_refused(world, "PATCH", applied, crontab("here", spec=one, status=other), APPLY))

        run()
        runner.run(world.stop())


def test_no_schema_breaks_the_server() -> None:
    words = [
        "type",
        "properties",
        "items",
        "additionalProperties",
        "default",
        "enum",
        "pattern",
        "anyOf",
        "not",
        "format",
    ]
    words += ["required", "x-kubernetes-list-type", "x-kubernetes-validations", "x-kubernetes-int-or-string", "rule"]
    words += ["object", "array", "string", "spec", "minimum", "nullable", "metadata", "x-kubernetes-list-map-keys"]
    leaves = st.one_of(st.sampled_from(words), st.booleans(), st.integers(-3, 3), st.none())
    schemas = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(words), inner, max_size=4)
        ),
        max_leaves=16,
    )
    with asyncio.Runner() as runner:
        world = runner.run(Extended().start())

        @settings(max_examples=60, deadline=None)
        @given(schemas, schemas)
        def run(one: Any, other: Any) -> None:
            whole = definition(schema={"type": "object", "properties": {"spec": one, "status": other}})
            runner.run(taken_or_refused(world, "POST", f"{DEFINITIONS}?dryRun=All", whole))
            whole["spec"]["versions"][0] |= {"subresources": one, "additionalPrinterColumns": other}
            runner.run(taken_or_refused(world, "POST", f"{DEFINITIONS}?dryRun=All", whole))

        run()
        runner.run(world.stop())


async def taken_or_refused(
    world: Extended, method: str, path: str, body: Any, content_type: str = "application/json"
) -> None:
    status, answer = await world.ask(method, path, body, content_type=content_type)
    assert status < 500, answer
