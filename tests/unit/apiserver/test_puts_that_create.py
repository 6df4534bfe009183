"""A PUT of what is not there: of some kinds it creates the object, as upstream's strategies of those kinds have it."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.registry import all_kinds
from tests.unit.apiserver.policies import enforce, mutating, rule
from tests.unit.apiserver.world import World, certificate, in_world, service

SERVICES = "/api/v1/namespaces/default/services"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
JANE = certificate("jane")


def lease(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l", **metadata}, "spec": {}}


def test_which_kinds() -> None:
    created = {kind.resource for kind in all_kinds() if kind.created_by_update}
    roles = {f"{name}.rbac.authorization.k8s.io" for name in ("roles", "rolebindings")}
    roles |= {f"cluster{name}" for name in roles}
    core = {"services", "endpoints", "events", "limitranges"}
    others = {"events.events.k8s.io", "leases.coordination.k8s.io", "runtimeclasses.node.k8s.io"}
    assert created == core | others | roles


def test_it_is_a_creation() -> None:
    async def test(world: World) -> None:
        label = 'Object{metadata: Object.metadata{labels: {"seen": request.operation}}}'
        match = {"resourceRules": [rule("", "services", operations=("CREATE",))]}
        await enforce(world, mutating("label", label, match=match))
        status, made = await world.ask("PUT", f"{SERVICES}/s", service("s"))
        assert status == 201 and made["metadata"]["labels"] == {"seen": "CREATE"}
        assert made["metadata"]["uid"] and made["spec"]["clusterIP"].count(".") == 3
        assert [one["operation"] for one in made["metadata"]["managedFields"]] == ["Update"]
        status, again = await world.ask("PUT", f"{SERVICES}/s", made)
        assert (status, again) == (200, made)

    in_world(test)


def test_a_dry_run_creates_nothing() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("PUT", f"{SERVICES}/s?dryRun=All", service("s")))[0] == 201
        assert (await world.ask("GET", f"{SERVICES}/s"))[0] == 404

    in_world(test)


def test_the_version_does_not_matter_but_the_uid_does() -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("PUT", f"{LEASES}/l", lease(uid="7"))
        assert (status, answer["reason"]) == (409, "Conflict")
        assert "UID in precondition: 7, UID in object meta: " in answer["message"]
        assert (await world.ask("PUT", f"{LEASES}/l", lease(resourceVersion="123456")))[0] == 201
        assert (await world.ask("PUT", f"{LEASES}/l", lease(resourceVersion="123456")))[0] == 409
        assert (await world.ask("PUT", f"{LEASES}/l", lease()))[0] == 422  # there now, so the version is to be named

    in_world(test)


def test_the_rules_and_the_namespace_are_those_of_a_creation() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("PUT", f"{SERVICES}/s", service("s", type="Odd")))[0] == 422
        elsewhere = {**service("s"), "metadata": {"name": "s", "namespace": "nope"}}
        status, answer = await world.ask("PUT", "/api/v1/namespaces/nope/services/s", elsewhere)
        assert status == 404 and answer["message"] == 'namespaces "nope" not found'

    in_world(test)


@pytest.mark.parametrize(("verbs", "code"), [(["update"], 403), (["update", "create"], 201)])
def test_who_updates_must_be_allowed_to_create(verbs: list[str], code: int) -> None:
    async def test(world: World) -> None:
        group = "rbac.authorization.k8s.io"
        metadata = {"name": "r", "namespace": "default"}
        rules = [{"apiGroups": [""], "resources": ["services"], "verbs": verbs}]
        role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
        subject = {"kind": "User", "apiGroup": group, "name": "jane"}
        named = {"kind": "Role", "apiGroup": group, "name": "r"}
        binding = {**role, "kind": "RoleBinding", "subjects": [subject], "roleRef": named}
        del binding["rules"]
        for one in (role, binding):
            await world.client.create(one)
        status, answer = await world.ask("PUT", f"{SERVICES}/s", service("s"), who=JANE)
        assert status == code, answer
        if code == 403:
            assert 'User "jane" cannot create resource "services"' in answer["message"]

    in_world(test)


def test_a_status_creates_nothing() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("PUT", f"{SERVICES}/s/status", service("s")))[0] == 404
        assert (await world.ask("GET", f"{SERVICES}/s"))[0] == 404

    in_world(test)


def test_of_other_kinds_it_finds_nothing() -> None:
    async def test(world: World) -> None:
        template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "t"}}
        status, answer = await world.ask("PUT", "/api/v1/namespaces/default/podtemplates/t", template)
        assert (status, answer["message"]) == (404, 'podtemplates "t" not found')

    in_world(test)
