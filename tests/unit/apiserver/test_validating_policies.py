"""ValidatingAdmissionPolicy through the API: what is refused, warned of, and left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podo.admission.policy.validating import validate
from podo.admission.request import AdmissionRequest
from podo.api import registry
from podo.api.errors import ApiError
from podo.apiserver.policies import outside
from tests.unit.apiserver.policies import (
    BASE,
    DEPLOYMENTS,
    ON_CONFIGMAPS,
    binding,
    configmap,
    deployment,
    enforce,
    rule,
    validating,
)
from tests.unit.apiserver.world import World, certificate, in_world, pod

FEW = validating("few.example.com", "object.spec.replicas <= 5")
DENIED = "ValidatingAdmissionPolicy 'few.example.com' with binding 'bound' denied request: "


async def refused(world: World, obj: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        await world.client.create(obj)
    return raised.value


def test_a_deployment_is_held_against_a_policy() -> None:
    async def test(world: World) -> None:
        await enforce(world, FEW)
        code, status = await world.ask("POST", DEPLOYMENTS, deployment(replicas=6))
        cause = f"{DENIED}failed expression: object.spec.replicas <= 5"
        assert code == status["code"] == 422
        assert status["reason"] == "Invalid"
        assert status["message"] == f'deployments.apps "web" is forbidden: {cause}'
        details = {"name": "web", "group": "apps", "kind": "deployments", "causes": [{"message": cause}]}
        assert status["details"] == details
        assert (await world.ask("POST", DEPLOYMENTS, deployment(replicas=5)))[0] == 201
        patch = b'{"spec":{"replicas":9}}'
        code, _ = await world.ask("PATCH", f"{DEPLOYMENTS}/web", patch, content_type="application/merge-patch+json")
        assert code == 422
        assert (await world.ask("DELETE", f"{DEPLOYMENTS}/web"))[0] == 200

    in_world(test)


def test_without_a_binding_and_after_its_end_nothing_is_refused() -> None:
    async def test(world: World) -> None:
        await world.client.create(FEW)
        await world.client.create(deployment("one", 9))
        await world.client.create(binding(FEW))
        await refused(world, deployment("two", 9))
        await world.client.delete("ValidatingAdmissionPolicyBinding", "bound")
        await world.client.create(deployment("two", 9))
        await world.client.create(binding(FEW))
        loose = validating("few.example.com", "object.spec.replicas <= 50")
        await world.client.patch("ValidatingAdmissionPolicy", "few.example.com", patch=loose, type="merge")
        await world.client.create(deployment("three", 9))
        await world.client.delete("ValidatingAdmissionPolicy", "few.example.com")
        await world.client.create(deployment("four", 99))

    in_world(test)


def test_expressions_refer_to_variables() -> None:
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
        {"name": "never", "expression": "object.spec.nope"},
    ]
    odd = {
        "expression": "variables.replicas > 1 ? variables.oddReplicas : true",
        "messageExpression": "'not odd: ' + string(variables.replicas)",
    }

    async def test(world: World) -> None:
        await enforce(world, validating("odd", odd, variables=variables))
        await world.client.create(deployment("one", 3))
        refusal = await refused(world, deployment("two", 2))
        assert "with binding 'bound' denied request: not odd: 2" in refusal.message
        used = validating("used", "variables.never == 1", variables=variables[2:])
        await enforce(world, used, name="second")
        refusal = await refused(world, deployment("three", 3))
        assert refusal.message.endswith(
            "denied request: expression 'variables.never == 1' resulted in error: "
            'composited variable "never" fails to evaluate: no such key: nope'
        )

    in_world(test)


@pytest.mark.parametrize(
    ("validation", "message", "reason", "code"),
    [
        ({"message": "too many"}, "too many", "Invalid", 422),
        ({"message": "too many", "reason": "Forbidden"}, "too many", "Forbidden", 403),
        (
            {"reason": "RequestEntityTooLarge"},
            "failed expression: object.spec.replicas <= 5",
            "RequestEntityTooLarge",
            413,
        ),
        (
            {"message": "m", "messageExpression": "'at most 5, not ' + string(object.spec.replicas)"},
            "at most 5, not 6",
            "Invalid",
            422,
        ),
        ({"message": "m", "messageExpression": "string(object.spec.nope)"}, "m", "Invalid", 422),
        ({"message": "m", "messageExpression": "'a\\nb'"}, "m", "Invalid", 422),
    ],
)
def test_the_message_and_reason_are_the_policys(
    validation: dict[str, str], message: str, reason: str, code: int
) -> None:
    async def test(world: World) -> None:
        await enforce(world, validating("few.example.com", {"expression": "object.spec.replicas <= 5", **validation}))
        refusal = await refused(world, deployment(replicas=6))
        assert refusal.message == f'deployments.apps "web" is forbidden: {DENIED}{message}'
        assert (refusal.reason, refusal.code) == (reason, code)

    in_world(test)


def test_a_binding_may_warn_or_audit_instead() -> None:
    async def test(world: World) -> None:
        await enforce(world, FEW, "Warn", "Audit")
        answer = await world.answer("POST", DEPLOYMENTS, deployment(replicas=6))
        assert answer.status == 201
        text = (
            "Validation failed for ValidatingAdmissionPolicy 'few.example.com' with binding 'bound': failed expression"
        )
        warnings = [value for name, value in answer.headers if name.lower() == "warning"]
        assert any(text in warning for warning in warnings)

    in_world(test)


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_an_error_is_what_the_failure_policy_says(policy: str) -> None:
    async def test(world: World) -> None:
        await enforce(world, validating("broken", "object.spec.nope == 1", failurePolicy=policy))
        if policy == "Ignore":
            await world.client.create(deployment())
            return
        refusal = await refused(world, deployment())
        assert refusal.message.endswith(
            "denied request: expression 'object.spec.nope == 1' resulted in error: no such key: nope"
        )

    in_world(test)


def test_an_expression_that_costs_too_much_is_stopped() -> None:
    numbers = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32]"
    loops = f"{numbers}.all(a, {numbers}.all(b, {numbers}.all(c, {numbers}.all(d, a + b + c + d > 0))))"

    async def test(world: World) -> None:
        await enforce(world, validating("dear", loops))
        refusal = await refused(world, deployment())
        assert "validation failed due to running out of cost budget" in refusal.message

    in_world(test)


def test_match_conditions_decide_after_the_rules() -> None:
    conditions = [{"name": "not-exempt", "expression": "!('exempt' in object.metadata.?labels.orValue({}))"}]

    async def test(world: World) -> None:
        await enforce(world, validating("few", "object.spec.replicas <= 5", matchConditions=conditions))
        await world.client.create(deployment("one", 9, labels={"exempt": "yes"}))
        await refused(world, deployment("two", 9))
        broken = [{"name": "broken", "expression": "object.nope == 1"}]
        await enforce(world, validating("other", "true", matchConditions=broken), name="other")
        refusal = await refused(world, deployment("three", 1))
        assert "expression 'object.nope == 1' resulted in error: no such key: nope" in refusal.message

    in_world(test)


def test_selectors_scopes_and_exclusions() -> None:
    matches = {
        "resourceRules": [rule("", "configmaps", "pods/binding"), rule("", "*", scope="Cluster")],
        "excludeResourceRules": [rule("", "configmaps", resourceNames=["free"])],
        "objectSelector": {"matchLabels": {"checked": "yes"}},
    }

    async def test(world: World) -> None:
        await enforce(world, validating("none", "false", match=matches))
        await world.client.create(configmap("unchecked"))
        free, checked = configmap("free"), configmap("checked")
        for one in (free, checked):
            one["metadata"]["labels"] = {"checked": "yes"}
        await world.client.create(free)
        await refused(world, checked)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": {"checked": "yes"}}}
        await refused(world, namespace)

    in_world(test)


def test_a_binding_narrows_by_namespace() -> None:
    async def test(world: World) -> None:
        for name, labels in (("test", {"env": "test"}), ("prod", {"env": "prod"})):
            metadata = {"name": name, "labels": labels}
            await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await enforce(world, FEW, matchResources={"namespaceSelector": {"matchLabels": {"env": "prod"}}})
        await world.client.create(deployment(replicas=9, namespace="test"))
        await refused(world, deployment(replicas=9, namespace="prod"))

    in_world(test)


def test_equivalent_kinds_match_unless_exact() -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}, "maxReplicas": 30}
    metadata = {"name": "web", "namespace": "default"}
    v1 = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": target}
    on_v2 = rule("autoscaling", "horizontalpodautoscalers") | {"apiVersions": ["v2"]}
    seen = "object.apiVersion == 'autoscaling/v2' && object.spec.maxReplicas < 10 && request.kind.version == 'v2'"

    async def test(world: World) -> None:
        exact = {"resourceRules": [on_v2], "matchPolicy": "Exact"}
        await enforce(world, validating("exact", "false", match=exact), name="exact")
        await enforce(world, validating("equivalent", seen, match={"resourceRules": [on_v2]}))
        refusal = await refused(world, v1)
        assert "'equivalent'" in refusal.message and "failed expression" in refusal.message
        await world.client.create({**v1, "spec": {**target, "maxReplicas": 3}})

    in_world(test)


PARAMS = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
BY_PARAMS = validating("params", "object.spec.replicas <= int(params.data.most)", **PARAMS)


def by_name(name: str, action: str = "Deny", **more: str) -> dict[str, Any]:
    return {"paramRef": {"name": name, "parameterNotFoundAction": action, **more}}


def test_parameters_by_name_and_by_selector() -> None:
    async def test(world: World) -> None:
        await enforce(world, BY_PARAMS, **by_name("limits", namespace="default"))
        refusal = await refused(world, deployment("one", 3))
        assert refusal.message.endswith(
            "denied request: failed to configure binding: no params found for policy binding with `Deny` "
            "parameterNotFoundAction"
        )
        await world.client.create(configmap("limits", most="2"))
        await refused(world, deployment("one", 3))
        await world.client.create(deployment("one", 2))
        await world.client.delete("ValidatingAdmissionPolicyBinding", "bound")
        labelled = {"matchLabels": {"limits": "yes"}}
        reference = {"selector": labelled, "parameterNotFoundAction": "Allow"}
        await world.client.create(binding(BY_PARAMS, paramRef=reference))
        await world.client.create(deployment("two", 99))
        for name, most in (("a", "50"), ("b", "5")):
            made = configmap(name, most=most)
            made["metadata"]["labels"] = labelled["matchLabels"]
            await world.client.create(made)
        await refused(world, deployment("three", 7))
        await world.client.create(deployment("three", 5))

    in_world(test)


def test_parameters_that_cannot_be() -> None:
    async def test(world: World) -> None:
        unknown = validating("unknown", "true", paramKind={"apiVersion": "nope.example.com/v1", "kind": "Nope"})
        await enforce(world, unknown, **by_name("x"))
        refusal = await refused(world, deployment())
        assert refusal.message.endswith(
            "'unknown' denied request: failed to configure policy: failed to find resource referenced by paramKind: "
            "'nope.example.com/v1, Kind=Nope'"
        )
        await world.client.delete("ValidatingAdmissionPolicyBinding", "bound")
        cluster = validating("cluster", "true", match={"resourceRules": [rule("", "namespaces")]}, **PARAMS)
        await enforce(world, cluster, **by_name("x"))
        refusal = await refused(world, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
        assert "cannot use namespaced paramRef in policy binding that matches cluster-scoped" in refusal.message

    in_world(test)


def test_what_expressions_see_of_the_request() -> None:
    seen = [
        "request.operation == 'CREATE' && request.name == 'web' && request.namespace == 'default'",
        "request.kind.kind == 'Deployment' && request.resource.resource == 'deployments' && !request.dryRun",
        "request.userInfo.username == 'kubernetes-admin' && 'system:masters' in request.userInfo.groups",
        "oldObject == null && object.metadata.name == 'web'",
        "namespaceObject.metadata.name == 'default' && has(namespaceObject.metadata.creationTimestamp)",
        "namespaceObject.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')",
        "authorizer.requestResource.check('delete').allowed()",
        "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()",
        "!authorizer.serviceAccount('default', 'default').group('').resource('secrets').check('get').allowed()",
        "!authorizer.serviceAccount('default', 'default').path('/metrics').check('get').allowed()",
    ]

    async def test(world: World) -> None:
        await enforce(world, validating("seen", *seen))
        code, answer = await world.ask("POST", DEPLOYMENTS, deployment())
        assert code == 201, answer

    in_world(test)


def test_deletes_are_seen_by_the_old_object() -> None:
    async def test(world: World) -> None:
        held = validating("held", "request.operation != 'DELETE' || !has(oldObject.data.keep)", match=ON_CONFIGMAPS)
        await enforce(world, held)
        await world.client.create(configmap("kept", keep="yes"))
        await world.client.create(configmap("loose"))
        with pytest.raises(ApiError, match="'held'"):
            await world.client.delete("ConfigMap", "kept", "default")
        await world.client.delete("ConfigMap", "loose", "default")

    in_world(test)


def test_subresources_are_matched_by_name() -> None:
    async def test(world: World) -> None:
        on_status = {"resourceRules": [rule("", "pods/status")]}
        await enforce(world, validating("status", "object.status.?phase.orValue('') != 'Failed'", match=on_status))
        await world.client.create(pod("a"))
        target = "/api/v1/namespaces/default/pods/a/status"
        patch = b'{"status":{"phase":"Failed"}}'
        code, _ = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
        assert code == 422

    in_world(test)


def test_policies_are_not_held_against_policies() -> None:
    async def test(world: World) -> None:
        await enforce(world, validating("all", "false", match={"resourceRules": [rule("*", "*")]}))
        await world.client.create(FEW)
        await world.client.delete("ValidatingAdmissionPolicy", "few.example.com")
        await refused(world, configmap("a"))
        await world.client.delete("ValidatingAdmissionPolicy", "all")
        await world.client.create(configmap("a"))

    in_world(test)


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"validations": [{"expression": "object.x +"}]},
            "spec.validations[0].expression",
            "compilation failed: ERROR",
        ),
        ({"validations": [{"expression": "nope"}]}, "spec.validations[0].expression", "undeclared reference to 'nope'"),
        ({"validations": [{"expression": "'a'"}]}, "spec.validations[0].expression", "must evaluate to bool"),
        (
            {"validations": [{"expression": "params.a"}]},
            "spec.validations[0].expression",
            "reference to 'params' (in container",
        ),
        (
            {"validations": [{"expression": "request.nope == 1"}]},
            "spec.validations[0].expression",
            "undefined field 'nope'",
        ),
        (
            {"validations": [{"expression": "variables.nope"}]},
            "spec.validations[0].expression",
            "undeclared reference to 'variables'",
        ),
        (
            {"validations": [{"expression": "variables.nope"}], "variables": [{"name": "a", "expression": "1"}]},
            "spec.validations[0].expression",
            "undefined field 'nope'",
        ),
        (
            {"validations": [{"expression": "true", "messageExpression": "1"}]},
            "spec.validations[0].messageExpression",
            "must evaluate to string",
        ),
        ({"variables": [{"name": "a", "expression": "b"}]}, "spec.variables[0].expression", "reference to 'b'"),
        (
            {"matchConditions": [{"name": "a", "expression": "1"}]},
            "spec.matchConditions[0].expression",
            "must evaluate to bool",
        ),
        (
            {"auditAnnotations": [{"key": "a", "valueExpression": "1"}]},
            "spec.auditAnnotations[0].valueExpression",
            "must evaluate to one of [string null_type] but got int",
        ),
    ],
)
def test_a_policy_that_does_not_compile_is_refused(spec: dict[str, Any], field: str, message: str) -> None:
    async def test(world: World) -> None:
        policy = validating("bad", "true")
        policy["spec"].update(spec)
        code, status = await world.ask("POST", f"{BASE}/validatingadmissionpolicies", policy)
        assert code == 422
        causes = [cause for cause in status["details"]["causes"] if cause["field"] == field]
        assert len(causes) == 1 and message in causes[0]["message"], status

    in_world(test)


def test_audit_annotations_join_what_all_bindings_say() -> None:
    noted = [{"key": "most", "valueExpression": "'at most ' + params.data.most"}]
    policy = validating("noted", "false", auditAnnotations=noted, **PARAMS)

    async def test(world: World) -> None:
        for name, most in (("a", "1"), ("b", "2")):
            await world.client.create(configmap(name, most=most))
            await world.client.create(binding(policy, "Audit", name=name, **by_name(name)))
        await world.client.create(policy)
        backend = world.server.backend
        obj = deployment()
        place = ("apps", "v1", "deployments")
        kind = registry.resource(*place)
        assert kind is not None
        request = AdmissionRequest("CREATE", kind, "default", "web", "", obj, None, "jane", backend.store)
        bound = backend.policies.validating.concerned(kind, "CREATE", "")
        await validate(bound, request, outside(backend))
        assert request.annotations["noted/most"] == "at most 1, at most 2"
        failures = json.loads(request.annotations["validation.policy.admission.k8s.io/validation_failure"])
        assert failures[0] == {
            "message": "failed expression: false",
            "policy": "noted",
            "binding": "a",
            "expressionIndex": 0,
            "validationActions": ["Audit"],
        }

    in_world(test)


def test_an_ordinary_user_is_judged_by_their_own_rights() -> None:
    async def test(world: World) -> None:
        on_maps = validating("mine", "authorizer.requestResource.check('delete').allowed()", match=ON_CONFIGMAPS)
        await enforce(world, on_maps)
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]
        rbac, place = "rbac.authorization.k8s.io", {"name": "maker", "namespace": "default"}
        await world.client.create({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": place, "rules": rules})
        subject = {"kind": "User", "name": "jane", "apiGroup": rbac}
        role = {"apiGroup": rbac, "kind": "Role", "name": "maker"}
        bound = {"metadata": place, "subjects": [subject], "roleRef": role}
        await world.client.create({"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", **bound})
        target = "/api/v1/namespaces/default/configmaps"
        assert (await world.ask("POST", target, configmap("a"), who=certificate("jane")))[0] == 422
        assert (await world.ask("POST", target, configmap("a")))[0] == 201

    in_world(test)


def test_who_refers_to_parameters_must_be_able_to_read_them() -> None:
    async def test(world: World) -> None:
        group, rbac = "admissionregistration.k8s.io", "rbac.authorization.k8s.io"
        rules = [{"apiGroups": [group], "resources": ["*"], "verbs": ["*"]}]
        role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "author"}, "rules": rules}
        await world.client.create(role)
        subject = {"kind": "User", "name": "jane", "apiGroup": rbac}
        bound = {"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "author"}, "subjects": [subject]}
        made = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "author"}, **bound}
        await world.client.create(made)
        jane = certificate("jane")
        code, status = await world.ask("POST", f"{BASE}/validatingadmissionpolicies", BY_PARAMS, who=jane)
        assert code == 422
        assert status["details"]["causes"] == [
            {
                "reason": "FieldValueForbidden",
                "message": 'Forbidden: user jane must have "get" permission on all objects of the referenced paramKind '
                "(kind=ConfigMap, apiVersion=v1)",
                "field": "spec.paramKind",
            }
        ]
        await world.client.create(BY_PARAMS)
        target, wanted = f"{BASE}/validatingadmissionpolicybindings", binding(BY_PARAMS, **by_name("limits"))
        code, status = await world.ask("POST", target, wanted, who=jane)
        assert code == 422 and "on the object referenced by paramRef" in status["message"]
        read = [*rules, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
        await world.client.patch("ClusterRole", "author", patch={"rules": read}, type="merge")
        assert (await world.ask("POST", target, wanted, who=jane))[0] == 201
        other = validating("other", "true", **PARAMS)
        assert (await world.ask("POST", f"{BASE}/validatingadmissionpolicies", other, who=jane))[0] == 201

    in_world(test)
