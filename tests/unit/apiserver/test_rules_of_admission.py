"""What admission policies, their bindings, webhook configurations and APIServices must be like, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, created, one, told
from tests.unit.apiserver.world import World, in_world

V1, MERGE = "admissionregistration.k8s.io/v1", "application/merge-patch+json"
RULE: Obj = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}


def hooks(*given: Obj) -> Obj:
    base = {
        "name": "a.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://a.example/c"},
        "rules": [RULE],
    }
    return one(V1, "MutatingWebhookConfiguration", webhooks=[{**base, **hook} for hook in given])


def policy(*validations: Obj, **spec: Any) -> Obj:
    given = {"matchConstraints": {"resourceRules": [RULE]}, "validations": list(validations), **spec}
    return one(V1, "ValidatingAdmissionPolicy", spec=given)


def api(group: str, version: str, **spec: Any) -> Obj:
    given = {"group": group, "version": version, "groupPriorityMinimum": 1, "versionPriority": 1, **spec}
    return one("apiregistration.k8s.io/v1", "APIService", f"{version}.{group}", spec=given)


H, P = "webhooks[0]", "spec.validations[0]"
MANY = ["a/*", "a/b", "*/c", "d/c", "*", "e"]
NEW: list[tuple[Obj, list[str]]] = [
    (hooks({}), []),
    (
        hooks({"name": "A", "reinvocationPolicy": "Odd", "clientConfig": {}, "admissionReviewVersions": ["v3", "v3"]}),
        [
            f'{H}.name: Invalid value: "A": a lowercase RFC 1123 subdomain must',
            f'{H}.reinvocationPolicy: Unsupported value: "Odd": supported values: "IfNeeded", "Never"',
            f"{H}.clientConfig: Required value: exactly one of url or service is required",
            f'{H}.admissionReviewVersions[1]: Invalid value: "v3": duplicate version',
            f'{H}.admissionReviewVersions: Invalid value: ["v3","v3"]: must include at least one of v1, v1beta1',
        ],
    ),
    (
        hooks({"rules": [{**RULE, "resources": MANY}]}),
        [
            f"{H}.rules[0].resources[1]: Invalid value: \"a/b\": if 'a/*' is present, must not specify a/b",
            f"{H}.rules[0].resources[3]: Invalid value: \"d/c\": if '*/c' is present, must not specify d/c",
            f'{H}.rules[0].resources: Invalid value: ["a/*","a/b","*/c","d/c","*","e"]: '
            "if '*' is present, must not specify other resources without subresources",
        ],
    ),
    (policy({"expression": "true\n&& true", "message": "a"}, {"expression": "true\n&& true"}), []),
    (
        policy({"expression": "true", "message": " ", "messageExpression": " ", "reason": "Unauthorized"}),
        [
            f'{P}.messageExpression: Invalid value: " ": must be non-empty if specified',
            f'{P}.message: Invalid value: " ": message must be non-empty if specified',
            f'{P}.reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntity',
        ],
    ),
    (
        policy({"expression": "true", "messageExpression": "string(authorizer)"}),
        [f'{P}.messageExpression: Invalid value: "string(authorizer)": compilation failed: '],
    ),
    (
        policy(
            {"expression": "true"},
            paramKind={"apiVersion": "A.b/V1", "kind": "K k"},
            variables=[{"name": "for", "expression": "1"}, {"name": " ", "expression": "1"}],
        ),
        [
            'spec.paramKind.apiVersion: Invalid value: "A.b": a lowercase RFC 1123 subdomain',
            'spec.paramKind.apiVersion: Invalid value: "V1": a DNS-1035 label must consist',
            'spec.paramKind.kind: Invalid value: "K k": may have mixed case, but should otherwise match: a DNS-1035',
            'spec.variables[0].name: Invalid value: "for": must be a valid CEL identifier',
            "spec.variables[1].name: Required value: name is not specified",
        ],
    ),
    (
        one(V1, "ValidatingAdmissionPolicyBinding", spec={"policyName": "a", "paramRef": {"name": "a"}}),
        [
            "spec.paramRef.parameterNotFoundAction: Required value",
            "spec.validationActions: Required value: at least one validation action is required",
        ],
    ),
    (
        api("", "v2", service={"name": "a", "namespace": "b"}),
        ["spec.group: Required value: only v1 may have an empty group and it better be legacy kube"],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_they_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


def test_what_is_told_of_policies_and_api_services() -> None:
    async def test(world: World) -> None:
        await created(world, policy({"expression": "true"}))
        await created(world, api("a.example.com", "v1", service={"name": "a", "namespace": "b"}))
        warned = {"typeChecking": {"expressionWarnings": [{"fieldRef": "spec.validations[0]", "warning": ""}]}}
        target = f"/apis/{V1}/validatingadmissionpolicies/web/status"
        assert causes_of(*await world.ask("PATCH", target, {"status": warned}, content_type=MERGE)) == [
            "status.typeChecking.expressionWarnings[0].warning: Required value"
        ]
        target = "/apis/apiregistration.k8s.io/v1/apiservices/v1.a.example.com/status"
        said = {"conditions": [{"type": "Available", "status": "Perhaps"}]}
        assert causes_of(*await world.ask("PATCH", target, {"status": said}, content_type=MERGE)) == [
            'status.conditions[0].status: Unsupported value: "Perhaps": supported values: "True", "False", "Unknown"'
        ]

    in_world(test)
