"""Configured authorizers and token webhooks: asked in order, remembered, believed or not, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from podo.api.errors import ApiError
from podo.apiserver.local import LocalClient
from podo.authn.settings import AuthenticationSettings
from podo.authz import abac
from podo.authz.configuration import ConfigurationProblem, parse
from podo.authz.settings import AuthorizationSettings
from podo.client import kubeconfig
from podo.http.message import Request, Response
from podo.http.server import HttpServer
from tests.unit.apiserver.world import World, certificate
from tests.unit.cel.turns import turns_until

PODS = "/api/v1/namespaces/default/pods"
ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ANN = certificate("ann", "devs")
Say = Callable[[dict[str, Any]], Any]


class Hook:
    """A server that answers reviews with the status that ``say`` gives for their spec; None is a failure."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.asked: list[dict[str, Any]] = []

    async def start(self, folder: Path) -> Path:
        self.server = HttpServer(self._handle)
        port = await self.server.listen("127.0.0.1", 0)
        entry = {"name": "hook", "cluster": {"server": f"http://127.0.0.1:{port}/review"}}
        context = {"name": "hook", "context": {"cluster": "hook", "user": "hook"}}
        found = {"clusters": [entry], "users": [{"name": "hook", "user": {"token": "t"}}], "contexts": [context]}
        path = folder / "hook.kubeconfig"
        path.write_text(yaml.safe_dump({**found, "current-context": "hook"}))
        return path

    async def _handle(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer t"
        review = orjson.loads(await request.body(1 << 20))
        self.asked.append(review["spec"])
        status = self._say(review["spec"])
        return Response(200, orjson.dumps({**review, "status": status})) if status is not None else Response(403, b"")


def document(path: Path | str, order: tuple[str, ...] = ("Node", "Webhook", "RBAC"), **changes: Any) -> bytes:
    webhook = {
        "timeout": "3s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "NoOpinion",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(path)},
        **changes,
    }
    listed = [{"type": t, "name": t.lower(), **({"webhook": webhook} if t == "Webhook" else {})} for t in order]
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    return yaml.safe_dump({**kind, "authorizers": listed}).encode()


def with_hook(tmp_path: Path, say: Say, test: Callable[[World, Hook], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        hook = Hook(say)
        path = await hook.start(tmp_path)
        world = await World(authorization=parse(document(path, **options), "test")).start()
        async with asyncio.timeout(60):
            await test(world, hook)
        await world.server.close()
        await hook.server.stop(0.1)

    asyncio.run(run())


def test_a_webhook_allows_and_its_answer_is_kept(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        assert (await world.ask("GET", PODS, who=ANN))[0] == 200
        assert (await world.ask("GET", PODS, who=ANN))[0] == 200
        assert len(hook.asked) == 1
        spec = hook.asked[0]
        assert spec["user"] == "ann" and spec["groups"] == ["devs", "system:authenticated"]
        assert "authentication.kubernetes.io/credential-id" in spec["extra"]
        wanted = {"namespace": "default", "verb": "list", "version": "v1", "resource": "pods"}
        assert spec["resourceAttributes"] == wanted

    with_hook(tmp_path, lambda spec: {"allowed": True}, test)


def test_a_review_within_the_process_asks_the_webhook_about_all_of_the_subject(tmp_path: Path) -> None:
    about = {"user": "bob", "groups": ["devs"], "uid": "7", "extra": {"example.com/Team": ["a", "b"]}}

    async def test(world: World, hook: Hook) -> None:
        spec = {**about, "resourceAttributes": {"verb": "get", "resource": "pods"}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = await LocalClient(world.server).create(review)
        assert answer["status"] == {"allowed": True} and answer["spec"] == spec
        assert {name: hook.asked[0].get(name) for name in about} == about
        with pytest.raises(ApiError, match="does not allow this method"):
            await LocalClient(world.server).update({**review, "metadata": {"name": "stored"}})

    with_hook(tmp_path, lambda spec: {"allowed": True}, test)


def test_a_webhook_denies_before_rbac_and_says_why(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        status, error = await world.ask("GET", PODS, who=ANN)
        assert status == 403
        assert error["message"].endswith(
            'User "ann" cannot list resource "pods" in API group "" in the namespace "default": not today'
        )
        assert (await world.ask("GET", "/version", who=ANN))[0] == 403
        assert hook.asked[-1]["nonResourceAttributes"] == {"path": "/version", "verb": "get"}
        assert (await world.ask("GET", PODS))[0] == 200  # administrators are not asked about

    with_hook(tmp_path, lambda spec: {"allowed": False, "denied": True, "reason": "not today"}, test)


def test_no_opinion_leaves_it_to_the_next(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        assert (await world.ask("GET", "/version", who=ANN))[0] == 200
        assert (await world.ask("GET", PODS, who=ANN))[0] == 403
        assert len(hook.asked) == 2

    with_hook(tmp_path, lambda spec: {"allowed": False}, test)


def test_a_write_whose_admission_asks_too_is_carried_out_once(tmp_path: Path) -> None:
    """Making a binding asks for ``bind``, after the body has been read."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"}}
    role |= {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}}
    target = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"

    async def test(world: World, hook: Hook) -> None:
        assert (await world.ask("POST", target, role, who=ANN))[0] == 201
        assert [spec["resourceAttributes"]["verb"] for spec in hook.asked] == ["create", "bind"]

    with_hook(tmp_path, lambda spec: {"allowed": True}, test)


@pytest.mark.parametrize(("policy", "status"), [("Deny", 403), ("NoOpinion", 200)])
def test_a_webhook_that_fails(tmp_path: Path, policy: str, status: int) -> None:
    async def test(world: World, hook: Hook) -> None:
        assert (await world.ask("GET", "/version", who=ANN))[0] == status

    with_hook(tmp_path, lambda spec: None, test, failurePolicy=policy)


def test_match_conditions_say_what_is_asked(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        assert (await world.ask("GET", PODS, who=ANN))[0] == 200
        assert (await world.ask("GET", "/version", who=ANN))[0] == 200
        assert [list(spec) for spec in hook.asked] == [["user", "groups", "extra", "resourceAttributes"]]

    conditions = [
        {"expression": "has(request.resourceAttributes)"},
        {"expression": "request.resourceAttributes.namespace == 'default' && 'devs' in request.groups"},
    ]
    with_hook(tmp_path, lambda spec: {"allowed": True}, test, matchConditions=conditions)


def test_while_conditions_work_for_long_others_have_their_turn(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        for path, wanted, count in (("/version", 403, 0), ("/apis", 200, 1)):
            asked = asyncio.ensure_future(world.ask("GET", path, who=ANN))
            assert await turns_until(asked) > 2
            assert ((await asked)[0], len(hook.asked)) == (wanted, count)

    numbers = "[1, 2, 3, 4, 5, 6]"
    loops = "".join(f"{numbers}.all({name}, " for name in "abcde") + "a + b + c + d + e > 0)))))"
    path = "request.nonResourceAttributes.path"
    conditions = [{"expression": f"{loops} && (has(request.resourceAttributes) || {path} != '/version')"}]
    with_hook(tmp_path, lambda spec: {"allowed": True}, test, order=("Webhook",), matchConditions=conditions)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timeout": "31s"}, "must be > 0s and <= 30s"),
        ({"failurePolicy": ""}, "failurePolicy: Unsupported value"),
        ({"matchConditions": [{"expression": "request.nonsense"}]}, "undefined field"),
        ({"matchConditions": [{"expression": "request.user"}]}, "must evaluate to bool"),
        ({"connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": "hook"}}, "must be an absolute path"),
        ({"order": ("RBAC", "RBAC")}, "authorizers[1].name: Duplicate value"),
        ({"order": ("Magic",)}, "authorizers[0].type: Unsupported value"),
        ({"order": ()}, "at least one authorization mode"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        parse(document("/nowhere", **changes), "file")
    assert words in str(problem.value)


def test_abac_allows_what_a_line_says() -> None:
    lines = [
        {"user": "ann", "namespace": "default", "resource": "pods", "apiGroup": "", "readonly": True},
        {"group": "system:authenticated", "nonResourcePath": "/version"},
        {"namespace": "*", "resource": "*", "apiGroup": "*"},
    ]
    kind = {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy"}
    text = b"# people\n\n" + b"\n".join(orjson.dumps({**kind, "spec": line}) for line in lines)
    settings = AuthorizationSettings(("ABAC",), abac.parse(text, "policies"))

    async def run() -> None:
        world = await World(authorization=settings).start()
        assert (await world.ask("GET", PODS, who=ANN))[0] == 200
        assert (await world.ask("GET", "/version", who=ANN))[0] == 200
        assert (await world.ask("POST", PODS, {}, who=ANN))[0] == 403
        status, error = await world.ask("GET", "/api/v1/pods", who=ANN)
        assert status == 403 and error["message"].endswith("at the cluster scope: No policy matched.")
        assert (await world.ask("GET", PODS, who=certificate("bob")))[0] == 403

    asyncio.run(run())
    with pytest.raises(abac.PolicyProblem, match="line 2"):
        abac.parse(b'#\n{"kind": "Policy"}', "policies")


def test_parts_of_the_server_need_no_configuration_but_their_name_from_outside_does() -> None:
    """Controllers work whatever is configured; who has come by a controller's name is asked about like everybody."""
    name = "system:serviceaccount:kube-system:replicaset-controller"
    groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system")

    async def run() -> None:
        world = await World(authorization=AuthorizationSettings(("AlwaysDeny",))).start()
        controller = LocalClient(world.server, name, groups)
        assert (await controller.list("Pod")).items == []
        status, error = await world.ask("GET", "/api/v1/pods", who=certificate(name, *groups))
        assert status == 403 and error["message"].endswith("Everything is forbidden.")

    asyncio.run(run())


def test_a_token_webhook_is_asked_about_tokens_nobody_knows(tmp_path: Path) -> None:
    def say(spec: dict[str, Any]) -> dict[str, Any]:
        if spec["token"] != "good":
            return {"authenticated": False, "error": "unknown"}
        return {"authenticated": True, "user": {"username": "ann", "groups": ["devs"], "extra": {"k": ["v"]}}}

    async def run() -> None:
        hook = Hook(say)
        access = kubeconfig.read(await hook.start(tmp_path))
        world = await World(authentication=AuthenticationSettings(webhook=access)).start()
        for _ in range(2):
            status, review = await world.ask("POST", ME, {}, who=None, authorization="Bearer good")
            wanted = {"username": "ann", "groups": ["devs", "system:authenticated"], "extra": {"k": ["v"]}}
            assert status == 201 and review["status"]["userInfo"] == wanted
            assert (await world.ask("POST", ME, {}, who=None, authorization="Bearer bad"))[0] == 401
        assert [spec["token"] for spec in hook.asked] == ["good", "bad"]
        assert hook.asked[0]["audiences"] == ["https://kubernetes.default.svc.cluster.local"]
        await hook.server.stop(0.1)

    asyncio.run(run())


@pytest.mark.parametrize("wrong", [{"user": ["ann"]}, {"user": {"username": "ann", "extra": {"k": 1}}, "audiences": 1}])
def test_a_review_of_a_token_in_another_form_makes_nobody(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async def run() -> None:
        hook = Hook(lambda spec: {"authenticated": True, **wrong})
        access = kubeconfig.read(await hook.start(tmp_path))
        world = await World(authentication=AuthenticationSettings(webhook=access)).start()
        assert (await world.ask("POST", ME, {}, who=None, authorization="Bearer any"))[0] == 401
        await hook.server.stop(0.1)

    asyncio.run(run())
