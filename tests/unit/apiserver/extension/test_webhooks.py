"""Admission webhooks and custom resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
import pytest

from podo.http.message import Request, Response
from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Answering, Webhook, reviewing, serving
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
from tests.unit.apiserver.hooks import ALLOWED, configure, hook, patching
from tests.unit.apiserver.policies import enforce, mutating, validating

RULE: Obj = {"apiGroups": ["stable.example.com"], "apiVersions": ["v1"], "resources": ["crontabs"], "operations": ["*"]}
DENIED: Obj = {"allowed": False, "status": {"message": "the custom resource contains unwanted data"}}
V2 = CRONTABS.replace("/v1/", "/v2/")


def with_hook(
    pki: Pki, kind: str, answer: Answering, test: Callable[[Extended, Webhook], Awaitable[None]], *rules: Obj
) -> None:
    async def main(world: Extended) -> None:
        async with reviewing(pki, answer) as webhook:
            await configure(world, kind, hook(webhook, *(rules or (RULE,))))
            await test(world, webhook)

    extended(main)


def both_versions(storage: str = "v1") -> Obj:
    obj = definition()
    first = obj["spec"]["versions"][0]
    obj["spec"]["versions"] = [{**first, "name": name, "storage": name == storage} for name in ("v1", "v2")]
    return obj


def test_custom_resources_are_denied_when_made_changed_and_deleted(pki: Pki) -> None:
    def answer(request: Obj) -> Obj:
        seen = request["oldObject"] if request["operation"] == "DELETE" else request["object"]
        return DENIED if seen["spec"].get("cronSpec") == "bad" else ALLOWED

    async def test(world: Extended, webhook: Webhook) -> None:
        await world.define(definition())
        code, status = await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "bad"}))
        assert (code, status["message"].endswith("the custom resource contains unwanted data")) == (400, True)
        await world.ask("POST", CRONTABS, crontab("a", spec={"cronSpec": "good"}))
        change = {"spec": {"cronSpec": "bad"}}
        code, _ = await world.ask("PATCH", f"{CRONTABS}/a", change, content_type=MERGE)
        assert code == 400
        await world.client.patch("ValidatingWebhookConfiguration", "test", patch=_operations("DELETE"), type="json")
        await world.ask("PATCH", f"{CRONTABS}/a", change, content_type=MERGE)
        assert (await world.ask("DELETE", f"{CRONTABS}/a"))[0] == 400
        await world.ask("PATCH", f"{CRONTABS}/a", {"spec": {"cronSpec": "good"}}, content_type=MERGE)
        assert (await world.ask("DELETE", f"{CRONTABS}/a"))[0] == 200

    with_hook(pki, "Validating", answer, test)


def _operations(*operations: str) -> list[Obj]:
    return [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": list(operations)}]


def test_a_definition_is_denied(pki: Pki) -> None:
    rule = {**RULE, "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"]}

    async def test(world: Extended, webhook: Webhook) -> None:
        code, status = await world.ask("POST", DEFINITIONS, definition())
        assert (code, webhook.requests[0]["kind"]["kind"]) == (400, "CustomResourceDefinition")
        assert status["message"].startswith('admission webhook "hook.example.com" denied the request')

    with_hook(pki, "Validating", lambda request: DENIED, test, {**rule, "operations": ["CREATE"]})


def test_what_a_webhook_adds_is_kept_pruned_and_completed(pki: Pki) -> None:
    change = patching(
        {"op": "add", "path": "/spec/cronSpec", "value": "by hook"},
        {"op": "add", "path": "/spec/unknown", "value": "gone"},
    )

    async def test(world: Extended, webhook: Webhook) -> None:
        await world.define(definition())
        code, made = await world.ask("POST", CRONTABS, crontab("a", spec={}))
        assert (code, made["spec"]) == (201, {"cronSpec": "by hook", "image": "cron:1", "replicas": 1})
        assert webhook.requests[0]["object"]["spec"] == {"image": "cron:1", "replicas": 1}

    with_hook(pki, "Mutating", lambda request: change, test)


def test_webhooks_see_the_version_of_the_request_whatever_is_stored(pki: Pki) -> None:
    change = patching({"op": "add", "path": "/spec/cronSpec", "value": "by hook"})
    rule = {**RULE, "apiVersions": ["*"]}

    async def test(world: Extended, webhook: Webhook) -> None:
        made = await world.define(both_versions("v1"))
        await world.ask("POST", CRONTABS, crontab("a", spec={}))
        for version in made["spec"]["versions"]:
            version["storage"] = version["name"] == "v2"
        await world.ask("PUT", f"{DEFINITIONS}/crontabs.stable.example.com", made)
        change_it = {"metadata": {"labels": {"a": "b"}}}
        code, one = await world.ask("PATCH", f"{CRONTABS}/a", change_it, content_type=MERGE)
        assert (code, one["apiVersion"], one["spec"]["cronSpec"]) == (200, "stable.example.com/v1", "by hook")
        last = webhook.requests[-1]
        assert (last["operation"], last["object"]["apiVersion"], last["kind"]["version"]) == (
            "UPDATE",
            "stable.example.com/v1",
            "v1",
        )

    with_hook(pki, "Mutating", lambda request: change, test, rule)


def test_an_equivalent_version_is_sent_as_the_rule_has_it(pki: Pki) -> None:
    async def test(world: Extended, webhook: Webhook) -> None:
        await world.define(both_versions())
        code, made = await world.ask("POST", V2, crontab("a", "v2", spec={}))
        assert (code, made["apiVersion"], made["spec"]["cronSpec"]) == (201, "stable.example.com/v2", "by hook")
        request = webhook.requests[0]
        assert request["object"]["apiVersion"] == "stable.example.com/v1"
        assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v1", "v2")

    change = patching({"op": "add", "path": "/spec/cronSpec", "value": "by hook"})
    with_hook(pki, "Mutating", lambda request: change, test)


def converted(obj: Obj, to: str) -> Obj:
    """v1 has ``cronSpec``, v2 ``schedule``."""
    names = ("cronSpec", "schedule")
    there, here = names if to.endswith("/v2") else names[::-1]
    spec = {here if name == there else name: value for name, value in obj["spec"].items()}
    return {**obj, "apiVersion": to, "spec": spec}


async def convert(webhook: Webhook, request: Request) -> Response:
    review = webhook.reviews[-1]
    to = review["request"]["desiredAPIVersion"]
    made = [converted(obj, to) for obj in review["request"]["objects"]]
    answer = {"uid": review["request"]["uid"], "convertedObjects": made, "result": {"status": "Success"}}
    return Response(200, orjson.dumps({**review, "response": answer}))


def by_webhook(converter: Webhook) -> Obj:
    obj = both_versions()
    texts = {"type": "object", "properties": {"schedule": {"type": "string"}}}
    obj["spec"]["versions"][1]["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": texts}}}
    client = {"clientConfig": converter.client(), "conversionReviewVersions": ["v1"]}
    obj["spec"]["conversion"] = {"strategy": "Webhook", "webhook": client}
    return obj


def test_a_version_that_a_webhook_converts_is_sent_converted_and_comes_back_so(pki: Pki) -> None:
    """Otherwise a client could choose a version in order not to be checked."""

    async def main(world: Extended) -> None:
        change = patching({"op": "replace", "path": "/spec/cronSpec", "value": "by hook"})
        async with serving(pki, convert) as converter, reviewing(pki, lambda request: change) as webhook:
            await configure(world, "Mutating", hook(webhook, RULE))
            await world.define(by_webhook(converter))
            code, made = await world.ask("POST", V2, crontab("a", "v2", spec={"schedule": "daily"}))
            assert code == 201, made
            assert (made["apiVersion"], made["spec"]["schedule"]) == ("stable.example.com/v2", "by hook")
            seen = webhook.requests[0]["object"]
            assert (seen["apiVersion"], seen["spec"]["cronSpec"]) == ("stable.example.com/v1", "daily")
            await world.ask("PATCH", f"{V2}/a", {"spec": {"schedule": "weekly"}}, content_type=MERGE)
            update = webhook.requests[1]
            before, after = update["oldObject"]["spec"]["cronSpec"], update["object"]["spec"]["cronSpec"]
            assert (before, after) == ("by hook", "weekly")

    extended(main)


def test_policies_see_a_version_that_a_webhook_converts_as_their_rules_have_it(pki: Pki) -> None:
    async def main(world: Extended) -> None:
        async with serving(pki, convert) as converter:
            await world.define(by_webhook(converter))
            match = {"resourceRules": [{**RULE, "operations": ["CREATE"]}]}
            await enforce(world, validating("check", "object.spec.cronSpec != 'bad'", match=match))
            change = '[JSONPatch{op: "replace", path: "/spec/cronSpec", value: object.spec.cronSpec + "!"}]'
            await enforce(world, mutating("change", change, match=match))
            code, made = await world.ask("POST", V2, crontab("a", "v2", spec={"schedule": "good"}))
            assert (code, made["spec"]["schedule"]) == (201, "good!"), made
            patch = [
                {"op": "replace", "path": "/spec/validations/0/expression", "value": "object.spec.cronSpec != 'bad!'"}
            ]
            await world.client.patch("ValidatingAdmissionPolicy", "check", patch=patch, type="json")
            code, status = await world.ask("POST", V2, crontab("b", "v2", spec={"schedule": "bad"}))
            assert (code, "failed expression" in status["message"]) == (422, True)

    extended(main)


@pytest.mark.parametrize(("failure_policy", "wanted"), [("Ignore", 201), ("Fail", 422)])
def test_what_cannot_be_converted_for_a_policy_is_a_matter_of_its_failure_policy(
    pki: Pki, failure_policy: str, wanted: int
) -> None:
    async def refuse(webhook: Webhook, request: Request) -> Response:
        return Response(500)

    async def main(world: Extended) -> None:
        async with serving(pki, refuse) as converter:
            definition = by_webhook(converter)
            for version in definition["spec"]["versions"]:
                version["storage"] = version["name"] == "v2"
            await world.define(definition)
            match = {"resourceRules": [{**RULE, "operations": ["CREATE"]}]}
            await enforce(world, validating("check", "true", match=match, failurePolicy=failure_policy))
            code, answer = await world.ask("POST", V2, crontab("a", "v2", spec={"schedule": "daily"}))
            assert code == wanted, answer
            assert wanted == 201 or "failed to configure binding: failed to convert object version" in answer["message"]

    extended(main)
