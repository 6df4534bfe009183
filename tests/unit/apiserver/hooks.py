"""Webhook configurations for tests, and the small objects that they are tried on."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from podo.api.errors import ApiError
from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Answering, Webhook, reviewing
from tests.unit.apiserver.world import World, in_world

Obj = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
ALLOWED: Obj = {"allowed": True}
MAPS: Obj = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}


def hook(webhook: Webhook, *rules: Obj, name: str = "hook.example.com", path: str = "/", **fields: Any) -> Obj:
    return {
        "name": name,
        "clientConfig": webhook.client(path),
        "rules": list(rules or (MAPS,)),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **fields,
    }


async def configure(world: World, kind: str, *hooks: Obj, name: str = "test") -> Obj:
    """``kind``: Mutating or Validating."""
    configuration = {"apiVersion": f"{GROUP}/v1", "kind": f"{kind}WebhookConfiguration", "metadata": {"name": name}}
    return await world.client.create({**configuration, "webhooks": list(hooks)})


def configmap(name: str = "one", **fields: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, **fields}


def patching(*operations: Obj) -> Obj:
    """A response that changes the object."""
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(operations)).decode()}


def adding(key: str, value: str = "yes") -> Obj:
    return patching({"op": "add", "path": f"/data/{key}", "value": value})


def with_hook(
    pki: Pki,
    kind: str,
    answer: Answering,
    test: Callable[[World, Webhook], Awaitable[None]],
    *rules: Obj,
    **fields: Any,
) -> None:
    """Run a test in a world with one webhook."""

    async def main(world: World) -> None:
        async with reviewing(pki, answer) as webhook:
            await configure(world, kind, hook(webhook, *rules, **fields))
            await test(world, webhook)

    in_world(main)


async def refused(doing: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as failure:
        await doing
    return failure.value
