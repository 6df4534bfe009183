"""Configurations of webhooks as objects: in force from the write that makes them to the one that takes them away."""

from __future__ import annotations

import pytest

from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Webhook, reviewing
from tests.unit.apiserver.hooks import (
    ALLOWED,
    GROUP,
    MAPS,
    Obj,
    adding,
    configmap,
    configure,
    hook,
    refused,
    with_hook,
)
from tests.unit.apiserver.world import World, in_world, pod

KINDS = pytest.mark.parametrize("kind", ["Mutating", "Validating"])
DENIED: Obj = {"allowed": False, "status": {"message": "this is not wanted", "code": 403}}


def answering(request: Obj) -> Obj:
    """For both kinds: changes nothing but what it denies."""
    return DENIED if (request["object"] or {}).get("data", {}).get("webhook-e2e-test") == "disallow" else ALLOWED


def unwanted(name: str = "bad") -> Obj:
    return configmap(name, data={"webhook-e2e-test": "disallow"})


@KINDS
def test_configurations_are_listed_and_removed_as_a_collection(pki: Pki, kind: str) -> None:
    async def main(world: World) -> None:
        async with reviewing(pki, answering) as webhook:
            path = f"/apis/{GROUP}/v1/{kind.lower()}webhookconfigurations"
            for name in ("a", "b"):
                await configure(world, kind, hook(webhook, name=f"{name}.example.com"), name=name)
                patch = {"metadata": {"labels": {"test": "list"}}}
                await world.client.patch(f"{kind}WebhookConfiguration", name, patch=patch)
            _, listed = await world.ask("GET", f"{path}?labelSelector=test%3Dlist")
            assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]
            assert (await refused(world.client.create(unwanted()))).code == 403
            code, _ = await world.ask("DELETE", f"{path}?labelSelector=test%3Dlist")
            assert code == 200
            await world.client.create(unwanted())

    in_world(main)


@KINDS
def test_a_change_of_the_rules_is_in_force_at_once(pki: Pki, kind: str) -> None:
    async def test(world: World, webhook: Webhook) -> None:
        name = f"{kind}WebhookConfiguration"
        await refused(world.client.create(unwanted()))
        found = await world.client.get(name, "test")
        found["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
        await world.client.update(found)
        await world.client.create(unwanted())
        await world.client.delete("ConfigMap", "bad", "default")
        patch = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
        await world.client.patch(name, "test", patch=patch, type="json")
        await refused(world.client.create(unwanted()))

    with_hook(pki, kind, answering, test, {**MAPS, "operations": ["CREATE"]})


def test_pods_and_configmaps_are_denied_and_a_namespace_can_be_let_out(pki: Pki) -> None:
    def answer(request: Obj) -> Obj:
        return DENIED if request["kind"]["kind"] == "Pod" else answering(request)

    async def test(world: World, webhook: Webhook) -> None:
        denied = 'admission webhook "hook.example.com" denied the request: this is not wanted'
        assert (await refused(world.client.create(pod("web")))).message == denied
        assert (await refused(world.client.create(unwanted()))).message == denied
        allowed = await world.client.create(configmap("good", data={"a": "b"}))
        patch = {"data": {"webhook-e2e-test": "disallow"}}
        error = await refused(world.client.patch("ConfigMap", "good", "default", patch=patch))
        assert error.message == denied
        error = await refused(world.client.update({**allowed, "data": patch["data"]}))
        assert error.message == denied
        labels = {"name": "exempt", "labels": {"skip-webhook-admission": "yes"}}
        await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": labels})
        out = unwanted()
        out["metadata"]["namespace"] = "exempt"
        await world.client.create(out)

    unless = {"matchExpressions": [{"key": "skip-webhook-admission", "operator": "NotIn", "values": ["yes"]}]}
    rule = {**MAPS, "resources": ["pods", "configmaps"], "operations": ["CREATE", "UPDATE"]}
    with_hook(pki, "Validating", answer, test, rule, namespaceSelector=unless)


def test_no_webhook_is_asked_about_configurations(pki: Pki) -> None:
    """A bad one could otherwise not be taken back."""
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}

    async def main(world: World) -> None:
        async with (
            reviewing(pki, lambda request: DENIED) as denier,
            reviewing(pki, lambda request: adding("x")) as changer,
        ):
            await configure(world, "Validating", hook(denier, every))
            await configure(world, "Mutating", hook(changer, every))
            other = hook(denier, name="other.example.com")
            for kind in ("Validating", "Mutating"):
                made = await configure(world, kind, other, name="other")
                assert "x" not in made
                await world.client.patch(
                    f"{kind}WebhookConfiguration", "other", patch={"metadata": {"labels": {"a": "b"}}}
                )
                await world.client.delete(f"{kind}WebhookConfiguration", "other")
            assert denier.reviews == changer.reviews == []

    in_world(main)


def test_a_webhook_whose_certificate_is_not_believed_fails_closed(pki: Pki) -> None:
    async def main(world: World) -> None:
        async with reviewing(pki, lambda request: ALLOWED) as webhook:
            unbelieved = hook(webhook)
            del unbelieved["clientConfig"]["caBundle"]
            await configure(world, "Validating", unbelieved)
            error = await refused(world.client.create(configmap()))
            assert (error.code, error.reason) == (500, "InternalError")
            assert "x509: certificate signed by unknown authority" in error.message
            assert webhook.reviews == []

    in_world(main)


def test_discovery_has_the_configurations() -> None:
    async def main(world: World) -> None:
        _, groups = await world.ask("GET", "/apis")
        group = next(one for one in groups["groups"] if one["name"] == GROUP)
        version = {"groupVersion": f"{GROUP}/v1", "version": "v1"}
        assert (group["preferredVersion"], version in group["versions"]) == (version, True)
        assert (await world.ask("GET", f"/apis/{GROUP}"))[1]["preferredVersion"] == version
        _, listed = await world.ask("GET", f"/apis/{GROUP}/v1")
        found = {one["name"]: one["kind"] for one in listed["resources"]}
        assert found["mutatingwebhookconfigurations"] == "MutatingWebhookConfiguration"
        assert found["validatingwebhookconfigurations"] == "ValidatingWebhookConfiguration"

    in_world(main)
