"""Who may use the kubelet's port: by certificate or token, as the API server says."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, cast

import pytest

from podo.api.errors import ApiError
from podo.http.message import Peer, Request
from podo.node.authorizing import Delegated, OnlyApiServer
from podo.runtime.clock import SystemClock
from tests.unit.apiserver.world import Asked, World, certificate, in_world

ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "scrape"}}
SCRAPE = {**ROLE, "rules": [{"apiGroups": [""], "resources": ["nodes/metrics", "nodes/pods"], "verbs": ["get"]}]}
BINDING = {
    **ROLE,
    "kind": "ClusterRoleBinding",
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "scrape"},
    "subjects": [
        {"kind": "ServiceAccount", "namespace": "default", "name": "default"},
        {"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"},
    ],
}


def asked(path: str, who: bytes | None = None, method: str = "GET", token: str = "") -> Request:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return cast(Request, Asked(method, path, b"", headers, Peer("127.0.0.1:1", who)))


class Asking:
    """A client that asks the API server over its HTTP paths, as a node does."""

    PATHS = {
        "TokenReview": "/apis/authentication.k8s.io/v1/tokenreviews",
        "SubjectAccessReview": "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    }

    def __init__(self, world: World) -> None:
        self._world, self.reviews = world, 0
        self._who = certificate("system:node:n1", "system:nodes")

    async def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        self.reviews += 1
        status, found = await self._world.ask("POST", self.PATHS[obj["kind"]], obj, who=self._who)
        assert status == 201, found
        return cast(dict[str, Any], found)


async def answer(access: Delegated | OnlyApiServer, request: Request) -> tuple[int, str]:
    try:
        await access.check(request)
    except ApiError as refused:
        return refused.code, refused.message
    return 200, ""


def test_the_api_server_decides_for_tokens_and_certificates() -> None:
    async def test(world: World) -> None:
        await world.client.create(SCRAPE)
        await world.client.create(BINDING)
        target = "/api/v1/namespaces/default/serviceaccounts/default/token"
        token = (await world.ask("POST", target, {"spec": {}}))[1]["status"]["token"]
        client = Asking(world)
        access = Delegated(cast(Any, client), "n1", SystemClock())
        assert (await answer(access, asked("/metrics/resource", token=token)))[0] == 200
        assert (await answer(access, asked("/metrics/resource", token=token)))[0] == 200
        assert client.reviews == 2  # whose, and may they: once each
        assert (await answer(access, asked("/pods", token=token)))[0] == 200
        assert (await answer(access, asked("/stats/summary", token=token)))[0] == 403
        code, why = await answer(access, asked("/exec/default/web/main", method="POST", token=token))
        assert code == 403 and "verb=create, resource=nodes, subresource(s)=[proxy]" in why
        assert (await answer(access, asked("/metrics", certificate("ann"))))[0] == 200
        assert (await answer(access, asked("/metrics", certificate("bob"))))[0] == 403
        assert (await answer(access, asked("/metrics", certificate("system:node:n1", "system:nodes"))))[0] == 403

    in_world(test)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 20_000])
def test_who_is_nobody_is_refused(token: str) -> None:
    async def test(world: World) -> None:
        access = Delegated(cast(Any, Asking(world)), "n1", SystemClock())
        assert (await answer(access, asked("/pods", token=token)))[0] == 401
        assert (await answer(access, asked("/healthz", token=token)))[0] == 401

    in_world(test)


def test_the_api_server_itself_need_not_be_asked() -> None:
    access = Delegated(cast(Any, None), "n1", SystemClock())
    for who in (certificate("kube-apiserver-kubelet-client"), certificate("admin", "system:masters")):
        assert asyncio.run(answer(access, asked("/pods", who)))[0] == 200


def test_without_anybody_to_ask_it_is_the_api_server_only() -> None:
    for who, code in ((certificate("kube-apiserver-kubelet-client"), 200), (certificate("ann"), 403), (None, 401)):
        assert asyncio.run(answer(OnlyApiServer(), asked("/pods", who)))[0] == code


def test_who_may_only_read_through_the_proxy_does_nothing_in_pods() -> None:
    async def test(world: World) -> None:
        role = {**ROLE, "rules": [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]}
        await world.client.create(role)
        await world.client.create(BINDING)
        access = Delegated(cast(Any, Asking(world)), "n1", SystemClock())
        ann = certificate("ann")
        assert (await answer(access, asked("/runningpods/", ann)))[0] == 200
        for act in ("exec", "attach", "portForward", "run"):
            code, text = await answer(access, asked(f"/{act}/default/p/c", ann))
            assert (code, "verb=create" in text) == (403, True)

    in_world(test)


def test_a_certificate_is_good_until_its_end() -> None:
    access = Delegated(cast(Any, None), "n1", SystemClock())
    end = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    assert asyncio.run(answer(access, asked("/pods", certificate("admin", "system:masters", end=end))))[0] == 401
