"""MutatingAdmissionPolicy through the API: what becomes of objects, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from tests.unit.apiserver.policies import (
    BASE,
    DEPLOYMENTS,
    ON_CONFIGMAPS,
    configmap,
    deployment,
    enforce,
    mutating,
    rule,
    validating,
)
from tests.unit.apiserver.world import World, in_world, pod

LABEL = 'Object{metadata: Object.metadata{labels: {"team": "a"}}}'


async def made(world: World, obj: dict[str, Any]) -> dict[str, Any]:
    return await world.client.create(obj)


def test_a_deployment_is_changed() -> None:
    async def test(world: World) -> None:
        await enforce(world, mutating("replicas", "Object{spec: Object.spec{replicas: object.spec.replicas + 2}}"))
        found = await made(world, deployment(replicas=1))
        assert found["spec"]["replicas"] == 3
        assert (await world.client.get("Deployment", "web", "default"))["spec"]["replicas"] == 3

    in_world(test)


def test_a_deployment_is_annotated() -> None:
    expression = """Object{
        metadata: Object.metadata{
            annotations: {"example.com/replicas": string(object.spec.replicas)}
        }
    }"""

    async def test(world: World) -> None:
        await enforce(world, mutating("annotated", expression))
        found = await made(world, deployment(annotations={"mine": "yes"}))
        assert found["metadata"]["annotations"] == {"mine": "yes", "example.com/replicas": "1"}
        patch = b'{"spec":{"replicas":4}}'
        kind = "application/merge-patch+json"
        _, found = await world.ask("PATCH", f"{DEPLOYMENTS}/web", patch, content_type=kind)
        assert found["metadata"]["annotations"]["example.com/replicas"] == "4"

    in_world(test)


def test_an_apply_configuration_merges_lists_by_their_keys() -> None:
    on_pods = {"resourceRules": [rule("", "pods", operations=("CREATE",))]}
    expression = """
        Object{spec: Object.spec{
            initContainers: [Object.spec.initContainers{name: "mesh", image: "mesh:1", restartPolicy: "Always"}],
            containers: [Object.spec.containers{name: "main", imagePullPolicy: "Never"}]
        }}"""

    async def test(world: World) -> None:
        conditions = [
            {"name": "not-yet", "expression": "!object.spec.?initContainers.orValue([]).exists(c, c.name == 'mesh')"}
        ]
        await enforce(world, mutating("mesh", expression, match=on_pods, matchConditions=conditions))
        found = (await made(world, pod("a")))["spec"]
        assert [(c["name"], c["restartPolicy"]) for c in found["initContainers"]] == [("mesh", "Always")]
        assert [(c["name"], c["image"], c["imagePullPolicy"]) for c in found["containers"]] == [
            ("main", "nginx:1.14.2", "Never")
        ]

    in_world(test)


def test_a_json_patch_is_applied() -> None:
    patch = """[
        JSONPatch{op: "test", path: "/data/a", value: "1"},
        JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("x/y"), value: object.data.a},
        JSONPatch{op: "remove", path: "/data/a"}
    ]"""

    async def test(world: World) -> None:
        await enforce(world, mutating("patched", patch, match=ON_CONFIGMAPS, failurePolicy="Ignore"))
        # a key with a slash is no key of a ConfigMap: the rules of the kind come after the policies
        with pytest.raises(ApiError, match="x/y"):
            await made(world, configmap("one", a="1"))
        assert (await made(world, configmap("two", a="2")))["data"] == {"a": "2"}

    in_world(test)


def test_a_json_patch_whose_test_fails_changes_nothing() -> None:
    failing = """[
        JSONPatch{op: "replace", path: "/data/a", value: "2"},
        JSONPatch{op: "test", path: "/data/b", value: "1"}
    ]"""
    after = '[JSONPatch{op: "add", path: "/data/c", value: "3"}]'

    async def test(world: World) -> None:
        await enforce(world, mutating("patched", failing, after, match=ON_CONFIGMAPS))
        assert (await made(world, configmap("one", a="1", b="2")))["data"] == {"a": "1", "b": "2", "c": "3"}
        assert (await made(world, configmap("two", a="1", b="1")))["data"] == {"a": "2", "b": "1", "c": "3"}

    in_world(test)


def test_mutations_and_policies_see_what_was_done_before() -> None:
    first = mutating("a", 'Object{metadata: Object.metadata{labels: {"a": "1"}}}', LABEL)
    value = "object.metadata.labels.a + object.metadata.labels.team"
    second = f'[JSONPatch{{op: "add", path: "/metadata/labels/b", value: {value}}}]'

    async def test(world: World) -> None:
        await enforce(world, first)
        await enforce(world, mutating("b", second), name="second")
        assert (await made(world, deployment()))["metadata"]["labels"] == {"a": "1", "team": "a", "b": "1a"}

    in_world(test)


@pytest.mark.parametrize(("policy", "expected"), [("Never", "1"), ("IfNeeded", "2")])
def test_a_policy_may_want_to_look_again(policy: str, expected: str) -> None:
    seen = "string(object.metadata.?labels.orValue({}).size() + 1)"
    count = f'Object{{metadata: Object.metadata{{labels: {{"seen": {seen}}}}}}}'

    async def test(world: World) -> None:
        await enforce(world, mutating("count", count, reinvocationPolicy=policy))
        labels = (await made(world, deployment()))["metadata"]["labels"]
        assert labels["seen"] == expected

    in_world(test)


def test_parameters_and_variables() -> None:
    expression = "Object{spec: Object.spec{replicas: variables.wanted}}"
    variables = [{"name": "wanted", "expression": "int(params.data.replicas)"}]
    param = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}

    async def test(world: World) -> None:
        await world.client.create(configmap("limits", replicas="7"))
        await enforce(world, mutating("p", expression, paramKind=kind, variables=variables), paramRef=param)
        assert (await made(world, deployment()))["spec"]["replicas"] == 7

    in_world(test)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            'Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"a": "b"}}}}',
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
            ".spec.selector",
        ),
        (
            "Object{spec: Object.specx{replicas: 1}}",
            'type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path '
            "from root Object type",
        ),
        (
            "Object{spec: Object.spec{replicasx: 1}}",
            "error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared "
            "in schema",
        ),
        (
            "Object{spec: Object.spec{replicas: object.spec.nope}}",
            "expression 'Object{spec: Object.spec{replicas: object.spec.nope}}' resulted in error: no such key: nope",
        ),
        (
            '[JSONPatch{op: "remove", path: "/metadata/nope"}]',
            "error applying patch: error in remove for path: '/metadata/nope': Unable to remove nonexistent key: nope",
        ),
    ],
)
def test_a_mutation_that_cannot_be_is_refused_or_left_out(expression: str, message: str) -> None:
    async def test(world: World) -> None:
        await enforce(world, mutating("bad", expression))
        with pytest.raises(ApiError) as raised:
            await made(world, deployment())
        start = "deployments.apps \"web\" is forbidden: policy 'bad' with binding 'bound' denied request: "
        assert raised.value.message.startswith(start + message)
        patch = {"spec": {"failurePolicy": "Ignore"}}
        await world.client.patch("MutatingAdmissionPolicy", "bad", patch=patch, type="merge")
        assert (await made(world, deployment()))["spec"]["replicas"] == 1

    in_world(test)


def test_validating_policies_see_what_mutating_ones_did() -> None:
    async def test(world: World) -> None:
        await enforce(world, mutating("label", LABEL))
        await enforce(world, validating("labelled", "object.metadata.labels.team == 'a'"))
        await made(world, deployment())

    in_world(test)


def test_what_the_server_owns_stays_its_own() -> None:
    async def test(world: World) -> None:
        bad = '[JSONPatch{op: "add", path: "/metadata/uid", value: "mine"}]'
        await enforce(world, mutating("bad", bad))
        found = await made(world, deployment())
        assert found["metadata"]["uid"] != "mine"

    in_world(test)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{'a': 1}", "must evaluate to Object but got map(string, int)"),
        ("Object{spec: 1", "Syntax error"),
        ("[1]", "must evaluate to list(JSONPatch) but got list(int)"),
        ("[JSONPatch{nope: 1}]", "undefined field 'nope'"),
        ("[JSONPatch{op: 1}]", "expected type of field 'op' is 'string' but provided type is 'int'"),
    ],
)
def test_a_policy_that_does_not_compile_is_refused(expression: str, message: str) -> None:
    async def test(world: World) -> None:
        code, status = await world.ask("POST", f"{BASE}/mutatingadmissionpolicies", mutating("bad", expression))
        assert code == 422 and message in status["message"], status

    in_world(test)
