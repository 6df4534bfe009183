"""Service-account tokens through the API server: asked for, believed, and no longer believed."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from podo.authn.keys import BadToken, TokenKeys
from tests.unit.apiserver.world import World, certificate, in_world, pod

TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
PODS = "/api/v1/namespaces/default/pods"
REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


async def issued(world: World, **spec: Any) -> tuple[int, Any]:
    return await world.ask("POST", TOKEN, {"spec": spec})


async def whoami(world: World, token: str) -> tuple[int, Any]:
    return await world.ask("POST", ME, {}, who=None, authorization=f"Bearer {token}")


@pytest.mark.parametrize("change", ["none", "other-key", "signature", "claims", "short", "key"])
def test_only_what_a_key_has_signed_is_believed(change: str) -> None:
    keys = TokenKeys()
    token = keys.sign({"sub": "x"})
    head, claims, signature = token.split(".")
    assert keys.verify(token) == {"sub": "x"}
    changed = {
        "none": f"{encoded({'alg': 'none'})}.{claims}.",
        "other-key": TokenKeys().sign({"sub": "x"}),
        "signature": f"{head}.{claims}.{signature[:-4]}AAAA",
        "claims": f"{head}.{encoded({'sub': 'y'})}.{signature}",
        "short": f"{head}.{claims}",
        "key": f"{encoded({'alg': 'ES256', 'kid': ['x']})}.{claims}.{signature}",
    }
    with pytest.raises(BadToken):
        keys.verify(changed[change])


def test_a_token_is_its_account_until_the_account_goes() -> None:
    async def test(world: World) -> None:
        status, request = await issued(world)
        assert status == 201 and request["spec"]["expirationSeconds"] == 3600
        token = request["status"]["token"]
        status, review = await whoami(world, token)
        info = review["status"]["userInfo"]
        assert (status, info["username"]) == (201, "system:serviceaccount:default:default")
        groups = ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
        assert info["groups"] == groups
        status, error = await world.ask("GET", PODS, who=None, authorization=f"Bearer {token}")
        assert status == 403 and 'User "system:serviceaccount:default:default" cannot list' in error["message"]
        await world.client.delete("ServiceAccount", "default", "default")
        assert (await whoami(world, token))[0] == 401

    in_world(test)


def test_a_token_bound_to_a_pod_ends_with_it() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web"))
        reference = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": made["metadata"]["uid"]}
        _, request = await issued(world, boundObjectRef=reference)
        token = request["status"]["token"]
        extra = (await whoami(world, token))[1]["status"]["userInfo"]["extra"]
        assert extra["authentication.kubernetes.io/pod-name"] == ["web"]
        await world.client.delete("Pod", "web", "default", grace_seconds=0)
        assert (await whoami(world, token))[0] == 401
        assert (await issued(world, boundObjectRef=reference))[0] == 404

    in_world(test)


def test_what_is_refused() -> None:
    async def test(world: World) -> None:
        status, error = await issued(world, expirationSeconds=10)
        assert status == 422 and "may not specify a duration less than 10 minutes" in error["message"]
        assert (await issued(world, boundObjectRef={"kind": "Deployment", "name": "x"}))[0] == 400
        await world.client.create(pod("web"))
        status, error = await issued(world, boundObjectRef={"kind": "Pod", "name": "web", "uid": "other"})
        assert status == 409 and "does not match the UID in record" in error["message"]

    in_world(test)


def test_an_audience_is_kept_to() -> None:
    async def test(world: World) -> None:
        _, request = await issued(world, audiences=["vault"])
        token = request["status"]["token"]
        assert (await whoami(world, token))[0] == 401
        _, review = await world.ask("POST", REVIEW, {"spec": {"token": token, "audiences": ["vault", "x"]}})
        assert review["status"]["authenticated"] and review["status"]["audiences"] == ["vault"]
        _, review = await world.ask("POST", REVIEW, {"spec": {"token": token}})
        assert "authenticated" not in review["status"] and "audiences" in review["status"]["error"]

    in_world(test)


def test_a_kubelet_gets_tokens_of_its_own_pods_only() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web", nodeName="n1"))
        reference = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": made["metadata"]["uid"]}
        body = {"spec": {"boundObjectRef": reference}}
        one, other = (certificate(f"system:node:{name}", "system:nodes") for name in ("n1", "n2"))
        assert (await world.ask("POST", TOKEN, body, who=one))[0] == 201
        assert (await world.ask("POST", TOKEN, body, who=other))[0] == 403
        status, error = await world.ask("POST", TOKEN, {"spec": {}}, who=one)
        assert status == 403 and "node requested token not bound to a pod" in error["message"]

    in_world(test)


def test_the_issuer_can_be_discovered() -> None:
    async def test(world: World) -> None:
        _, request = await issued(world)
        bearer = {"who": None, "authorization": f"Bearer {request['status']['token']}"}
        status, found = await world.ask("GET", "/.well-known/openid-configuration", host="api:6443", **bearer)
        assert status == 200 and found["jwks_uri"] == "https://api:6443/openid/v1/jwks"
        answer = await world.answer("GET", "/openid/v1/jwks", **bearer)
        assert answer.content_type == "application/jwk-set+json"
        assert (await world.ask("GET", "/openid/v1/jwks", who=None))[0] == 403

    in_world(test)
