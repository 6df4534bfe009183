"""Webhooks of a test, in virtual time: what they do to the work of controllers, and what becomes of slow ones."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from podo.api.errors import ApiError
from podo.http.message import Handler, Request, Response
from podo.lab import World
from podo.runtime.tasks import sleep

Obj = dict[str, Any]
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "configmaps"], "operations": ["CREATE"]}
MAP: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}}


def configuration(kind: str, **fields: Any) -> Obj:
    service = {"name": "hook", "namespace": "default", "path": "/review"}
    hook = {"name": "hook.example.com", "clientConfig": {"service": service}, "rules": [RULE], "sideEffects": "None"}
    metadata = {"name": "test"}
    whole = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration"}
    return {**whole, "metadata": metadata, "webhooks": [{**hook, "admissionReviewVersions": ["v1"], **fields}]}


def answering(answer: Callable[[Obj], Awaitable[Obj]]) -> Handler:
    """A handler that reviews; ``answer`` gives the response for the request."""

    async def handle(request: Request) -> Response:
        review = orjson.loads(await request.body(1 << 20))
        response = {"uid": review["request"]["uid"], **await answer(review["request"])}
        return Response(200, orjson.dumps({**review, "response": response}))

    return handle


async def label(request: Obj) -> Obj:
    patch = [{"op": "add", "path": "/metadata/labels/seen", "value": "yes"}]
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(patch)).decode()}


async def slow(request: Obj) -> Obj:
    await sleep(20)
    return {"allowed": True}


def deployment() -> Obj:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}]},
    }
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_pods_of_controllers_are_changed_on_their_way() -> None:
    with World() as world:
        world.serve("hook.default.svc", answering(label))
        world.apply([configuration("Mutating"), deployment()])
        world.wait_for("Deployment", "web", condition="Available")
        assert len(world.pods(labels="app=web,seen=yes")) == 3


def test_a_rollout_goes_on_when_its_webhook_is_there_at_last() -> None:
    with World() as world:
        world.apply([configuration("Mutating"), deployment()])
        world.advance(30)
        assert world.pods() == []
        (event,) = {event["message"] for event in world.events() if event["reason"] == "FailedCreate"}
        assert 'failed calling webhook "hook.example.com": failed to call webhook' in event
        assert 'service "hook" not found' in event
        world.serve("hook.default.svc", answering(label))
        world.wait_for("Deployment", "web", condition="Available", within=600)


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_a_slow_webhook_costs_its_timeout(kind: str) -> None:
    with World() as world:
        world.serve("hook.default.svc", answering(slow))
        world.apply(configuration(kind, timeoutSeconds=5))
        began = world.now
        with pytest.raises(ApiError, match=r"\?timeout=5s\": context deadline exceeded"):
            world.apply(MAP)
        assert world.now - began == pytest.approx(5, abs=1)
        world.apply(configuration(kind, timeoutSeconds=5, failurePolicy="Ignore"))
        world.apply(MAP)
        world.apply(configuration(kind, timeoutSeconds=30))
        world.apply({**MAP, "metadata": {"name": "other"}})
