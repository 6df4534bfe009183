"""Bootstrap tokens through the API server, and what controllers do with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson
import pytest

from podo.controllers import bootstraptokens
from podo.values import timestamp
from tests.unit.apiserver.world import World, in_world
from tests.unit.controllers.stage import Stage

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
TOKEN = "abcdef.0123456789abcdef"


def secret(**data: str) -> dict[str, Any]:
    """The Secret of TOKEN; ``data``: other values ("" leaves one out), with "_" for "-"."""
    given = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        **{key.replace("_", "-"): value for key, value in data.items()},
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in given.items() if value},
    }


async def whoami(world: World, token: str = TOKEN) -> tuple[int, Any]:
    return await world.ask("POST", ME, {}, who=None, authorization=f"Bearer {token}")


async def put(world: World, made: dict[str, Any]) -> None:
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    await world.client.create(made)


def test_a_bootstrap_token_is_a_user_of_its_groups() -> None:
    async def test(world: World) -> None:
        await put(world, secret(auth_extra_groups="system:bootstrappers:workers", expiration="2999-01-01T00:00:00Z"))
        status, review = await whoami(world)
        assert status == 201
        info = review["status"]["userInfo"]
        assert info["username"] == "system:bootstrap:abcdef"
        assert info["groups"] == ["system:bootstrappers:workers", "system:bootstrappers", "system:authenticated"]
        _, review = await world.ask("POST", REVIEW, {"spec": {"token": TOKEN}})
        assert review["status"]["user"]["username"] == "system:bootstrap:abcdef"
        _, review = await world.ask("POST", REVIEW, {"spec": {"token": TOKEN, "audiences": ["vault"]}})
        assert "authenticated" not in review["status"]
        await world.client.delete("Secret", "bootstrap-token-abcdef", "kube-system")
        assert (await whoami(world))[0] == 401

    in_world(test)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_secret": "fedcba9876543210"},
        {"token_secret": ""},
        {"token_id": "ghijkl"},
        {"usage_bootstrap_authentication": ""},
        {"usage_bootstrap_authentication": "True"},
        {"expiration": "2020-01-01T00:00:00Z"},
        {"expiration": "tomorrow"},
        {"auth_extra_groups": "system:masters"},
        {"auth_extra_groups": "system:bootstrappers:"},
    ],
)
def test_a_secret_that_is_not_right_authenticates_nobody(wrong: dict[str, str]) -> None:
    async def test(world: World) -> None:
        await put(world, secret(**wrong))
        assert (await whoami(world))[0] == 401

    in_world(test)


def test_one_of_another_type_or_another_form_is_nothing() -> None:
    async def test(world: World) -> None:
        await put(world, {**secret(), "type": "Opaque"})
        for token in (TOKEN, "abcdef.short", "ABCDEF.0123456789abcdef", "", "a.b.c"):
            assert (await whoami(world, token))[0] == 401

    in_world(test)


def test_expired_tokens_are_removed_when_they_expire() -> None:
    s = Stage(bootstraptokens.CLEANER)
    s.put(secret(expiration=timestamp.time(s.now + 100)))
    s.run().pass_time(90)
    assert len(s.list("Secret")) == 1
    s.pass_time(20)
    assert s.list("Secret") == []
    s.put(secret())
    s.put({**secret(expiration="2020-01-01T00:00:00Z"), "type": "Opaque", "metadata": {"name": "x", "namespace": "a"}})
    s.run().pass_time(10**6)
    assert len(s.list("Secret")) == 2


def test_the_cluster_info_is_signed_by_each_token_that_may() -> None:
    s = Stage(bootstraptokens.SIGNER)
    info = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info", "namespace": "kube-public"}}
    s.put({**info, "data": {"kubeconfig": "clusters: []", "jws-kubeconfig-zzzzzz": "old"}})
    s.put(secret())
    s.run()
    data = s.list("ConfigMap")[0]["data"]
    assert sorted(data) == ["jws-kubeconfig-abcdef", "kubeconfig"]
    head, payload, signature = data["jws-kubeconfig-abcdef"].split(".")
    assert orjson.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "kid": "abcdef"} and not payload
    said = head.encode() + b"." + base64.urlsafe_b64encode(b"clusters: []").rstrip(b"=")
    wanted = hmac.digest(b"0123456789abcdef", said, hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "=") == wanted
    s.put(secret(usage_bootstrap_signing=""))
    s.run()
    assert sorted(s.list("ConfigMap")[0]["data"]) == ["kubeconfig"]
