"""What MutatingAdmissionPolicies and their bindings must be like, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, changed, collection, created, one, told
from tests.unit.apiserver.world import World, in_world

V1 = "admissionregistration.k8s.io/v1"
RULE: Obj = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def policy(*mutations: Obj, **spec: Any) -> Obj:
    given = {"matchConstraints": {"resourceRules": [RULE]}, "reinvocationPolicy": "Never", "mutations": list(mutations)}
    return one(V1, "MutatingAdmissionPolicy", spec={**given, **spec})


def binding(**spec: Any) -> Obj:
    return one(V1, "MutatingAdmissionPolicyBinding", spec={"policyName": "web", **spec})


def applied(expression: str) -> Obj:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> Obj:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def on(*operations: str) -> Obj:
    return {"resourceRules": [{**RULE, "operations": list(operations)}]}


M = "spec.mutations"
GOOD = applied("Object{}")
MUTABLE = 'supported values: "*", "CONNECT", "CREATE", "UPDATE"'
NEW: list[tuple[Obj, list[str]]] = [
    (policy(GOOD, patched('[JSONPatch{op: "add", path: "/" + jsonpatch.escapeKey("a"), value: 1}]')), []),
    (
        one(V1, "MutatingAdmissionPolicy", spec={}),
        [
            "spec.matchConstraints: Required value",
            "spec.mutations: Required value: mutations must contain at least one item",
            "spec.reinvocationPolicy: Required value",
        ],
    ),
    (
        policy({"patchType": "Odd"}, {}, failurePolicy="Odd", reinvocationPolicy="Odd"),
        [
            'spec.failurePolicy: Unsupported value: "Odd": supported values: "Fail", "Ignore"',
            f'{M}[0].patchType: Unsupported value: "Odd": supported values: "ApplyConfiguration", "JSONPatch"',
            f"{M}[1].patchType: Required value",
            'spec.reinvocationPolicy: Unsupported value: "Odd": supported values: "IfNeeded", "Never"',
        ],
    ),
    (
        policy({**GOOD, "patchType": "JSONPatch"}, {**patched("[]"), "patchType": "ApplyConfiguration"}),
        [
            f"{M}[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
            f'{M}[0].applyConfiguration: Invalid value: "{{applyConfiguration}}": must not be specified when patchType',
            f"{M}[1].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration",
            f'{M}[1].jsonPatch: Invalid value: "{{jsonPatch}}": must not be specified when patchType is ApplyConf',
        ],
    ),
    (
        policy(GOOD, failurePolicy="", matchConstraints={**on("*"), "matchPolicy": ""}),
        [
            'spec.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"',
            'spec.matchConstraints.matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"',
        ],
    ),
    (
        policy(GOOD, matchConstraints=on("*", "DELETE", "PATCH")),
        [
            "spec.matchConstraints.resourceRules[0].operations: Invalid value: ",
            'spec.matchConstraints.resourceRules[0].operations[2]: Unsupported value: "PATCH": supported values: "*", ',
            f'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": {MUTABLE}',
            f'spec.matchConstraints.resourceRules.operations: Unsupported value: "PATCH": {MUTABLE}',
        ],
    ),
    (
        policy(applied(" "), patched(""), applied(" {'a': 1} "), patched("[]"), patched("variables.x")),
        [
            f"{M}[0].applyConfiguration.expression: Required value",
            f"{M}[1].jsonPatch.expression: Required value",
            f"{M}[2].applyConfiguration.expression: Invalid value: \"{{'a': 1}}\": must evaluate to Object but got ",
            f'{M}[3].jsonPatch.expression: Invalid value: "[]": must evaluate to list(JSONPatch) but got list(dyn)',
            f'{M}[4].jsonPatch.expression: Invalid value: "variables.x": compilation failed: ERROR: <input>:1:10: '
            "undefined field 'x'",
        ],
    ),
    (
        policy(
            applied("Object.spec{a: 1}"),
            matchConditions=[{"name": "a", "expression": " variables.x "}, {"expression": "params.a"}],
        ),
        [
            'spec.matchConditions[0].expression: Invalid value: "variables.x": compilation failed: ERROR: <input>:1:1: '
            "undeclared reference to 'variables' (in container '')\n | variables.x\n | ^",
            'spec.matchConditions[1].expression: Invalid value: "params.a": compilation failed: ERROR: <input>:1:1: '
            "undeclared reference to 'params' (",
            "spec.matchConditions[1].name: Required value",
            f'{M}[0].applyConfiguration.expression: Invalid value: "Object.spec{{a: 1}}": must evaluate to Object but '
            "got Object.spec",
        ],
    ),
    (
        policy(GOOD, paramKind={"apiVersion": "v1"}, variables=[{"name": "4ever", "expression": "variables.a"}]),
        [
            "spec.paramKind.kind: Required value",
            'spec.variables[0].name: Invalid value: "4ever": must be a valid CEL identifier',
            'spec.variables[0].expression: Invalid value: "variables.a": compilation failed: ERROR: <input>:1:10: '
            "undefined field 'a'",
        ],
    ),
    (binding(paramRef={"name": "x", "parameterNotFoundAction": "Deny"}, matchResources=on("*")), []),
    (
        binding(policyName="!", paramRef={"parameterNotFoundAction": "Odd"}, matchResources=on("DELETE")),
        [
            'spec.policyName: Invalid value: "!": a lowercase RFC 1123 subdomain',
            "spec.paramRef: Required value: one of name or selector must be specified",
            'spec.paramRef.parameterNotFoundAction: Unsupported value: "Odd": supported values: "Deny", "Allow"',
            f'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": {MUTABLE}',
        ],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_they_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


def test_what_is_changed_is_judged_likewise() -> None:
    async def test(world: World) -> None:
        stored = await created(world, policy(GOOD))
        target = f"{collection(stored)}/web"
        bad = changed(stored, spec__reinvocationPolicy="")
        assert causes_of(*await world.ask("PUT", target, bad)) == ["spec.reinvocationPolicy: Required value"]
        better = changed(stored, spec__reinvocationPolicy="IfNeeded")
        assert (await world.ask("PUT", target, better))[1]["metadata"]["generation"] == 2

    in_world(test)


def test_what_is_filled_in() -> None:
    async def test(world: World) -> None:
        spec = (await created(world, policy(GOOD)))["spec"]
        assert spec["failurePolicy"] == "Fail"
        everything = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
        assert spec["matchConstraints"] == {"resourceRules": [{**RULE, "scope": "*"}], **everything}
        bound = await created(world, binding(matchResources={}))
        assert bound["spec"] == {"policyName": "web", "matchResources": everything}

    in_world(test)
