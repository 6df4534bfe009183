"""The audit log: who asked for what and how it ended, at the policy's level, and never what is secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from podo.apiserver.audit import journal as journaling
from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.audit.entry import question_of_path
from podo.apiserver.audit.journal import Journal, Rotating
from podo.apiserver.audit.policy import DEFAULT, Level, Policy, PolicyProblem, Question, parse, policy_of
from podo.authn.user import User
from podo.http.message import Response, Streaming
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.unit.apiserver.world import World, certificate, pod

BASE = "/api/v1/namespaces/default"
Events = list[dict[str, Any]]
Test = Callable[[World, Callable[[], Events]], Awaitable[None]]


def audited(policy: Policy, test: Test, tmp_path: Path) -> None:
    async def run() -> None:
        world = await World().start()
        path = tmp_path / "audit.log"
        journal = Journal([Rotating(path)])
        journal.start()
        world.server.audit(Auditor(policy, journal, SystemClock(), Chance(1)))

        def events() -> Events:
            """All that was written up to now."""
            journal.stop()
            lines = path.read_bytes().splitlines() if path.exists() else []
            journal._stopping = False
            journal.start()
            return [orjson.loads(line) for line in lines]

        try:
            async with asyncio.timeout(60):
                await test(world, events)
        finally:
            journal.stop()

    asyncio.run(run())


def of(*rules: dict[str, Any], **more: Any) -> Policy:
    return policy_of({"rules": list(rules), **more}, "test")


def test_the_default_policy_notes_writes_and_who_was_refused(tmp_path: Path) -> None:
    async def test(world: World, events: Callable[[], Events]) -> None:
        jane = certificate("jane")
        await world.ask("GET", f"{BASE}/pods")
        await world.ask("GET", "/version")
        status, _ = await world.ask("POST", f"{BASE}/pods", pod("p"), user_agent="test/1")
        assert status == 201
        assert (await world.ask("GET", f"{BASE}/secrets", who=jane))[0] == 403
        assert (await world.ask("GET", "/metrics", who=None))[0] == 403
        assert (await world.ask("GET", f"{BASE}/pods", who=None, authorization="Bearer nonsense"))[0] == 401
        made, refused, metrics, unknown = events()
        assert made["level"] == "Metadata" and made["stage"] == "ResponseComplete" and made["verb"] == "create"
        assert made["objectRef"] == {"resource": "pods", "namespace": "default", "name": "p", "apiVersion": "v1"}
        assert made["user"]["username"] == "kubernetes-admin" and "system:masters" in made["user"]["groups"]
        assert made["responseStatus"] == {"metadata": {}, "code": 201}
        assert made["sourceIPs"] == ["127.0.0.1"] and made["userAgent"] == "test/1"
        assert made["annotations"]["authorization.k8s.io/decision"] == "allow"
        assert "requestObject" not in made and "responseObject" not in made
        assert refused["user"]["username"] == "jane" and refused["verb"] == "list"
        assert (
            refused["responseStatus"]["reason"] == "Forbidden" and "cannot list" in refused["responseStatus"]["message"]
        )
        assert refused["annotations"]["authorization.k8s.io/decision"] == "forbid"
        assert metrics["requestURI"] == "/metrics" and metrics["responseStatus"]["code"] == 403
        assert unknown["responseStatus"]["code"] == 401 and "nonsense" not in orjson.dumps(unknown).decode()

    audited(DEFAULT, test, tmp_path)


def test_levels_and_stages(tmp_path: Path) -> None:
    policy = of({"level": "RequestResponse", "resources": [{"resources": ["pods"]}], "omitManagedFields": True})

    async def test(world: World, events: Callable[[], Events]) -> None:
        answer = await world.answer("POST", f"{BASE}/pods", orjson.dumps(pod("p")))
        assert isinstance(answer, Response)
        received, complete = events()
        assert dict(answer.headers)["Audit-Id"] == received["auditID"] == complete["auditID"]
        assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
        assert complete["requestObject"] == pod("p"), "as it was sent"
        assert complete["responseObject"]["spec"]["restartPolicy"] == "Always"
        assert "managedFields" not in complete["responseObject"]["metadata"]

    audited(policy, test, tmp_path)


def test_what_is_secret_is_never_noted(tmp_path: Path) -> None:
    async def test(world: World, events: Callable[[], Events]) -> None:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "streng-geheim"}}
        await world.ask("POST", f"{BASE}/secrets", secret)
        patch = {"stringData": {"a": "streng-geheim-2"}}
        await world.ask("PATCH", f"{BASE}/secrets/s", patch, content_type="application/merge-patch+json")
        await world.ask("GET", f"{BASE}/secrets/s")
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "streng-geheim"}}
        await world.ask("POST", f"{BASE}/configmaps", settings)
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        _, issued = await world.ask("POST", f"{BASE}/serviceaccounts/default/token", asked)
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        token = issued["status"]["token"]
        await world.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {**review, "spec": {"token": token}})
        await world.ask("GET", f"{BASE}/pods", who=None, authorization=f"Bearer {token}")
        everything = orjson.dumps(events()).decode()
        assert everything.count('"auditID"') >= 12
        assert "geheim" not in everything and token not in everything and "Z2VoZWlt" not in everything

    audited(of({"level": "RequestResponse"}), test, tmp_path)


def test_a_watch_begins_and_ends(tmp_path: Path) -> None:
    async def test(world: World, events: Callable[[], Events]) -> None:
        answer = await world.answer("GET", f"{BASE}/pods?watch=true&timeoutSeconds=1")
        assert isinstance(answer, Streaming)
        started = events()
        assert [one["stage"] for one in started] == ["ResponseStarted"] and started[0]["verb"] == "watch"

    audited(of({"level": "Metadata", "omitStages": ["RequestReceived"]}), test, tmp_path)


def test_who_acts_as_somebody_else(tmp_path: Path) -> None:
    async def test(world: World, events: Callable[[], Events]) -> None:
        await world.ask("POST", f"{BASE}/pods", pod("p"), impersonate_user="jane")
        (event,) = events()
        assert event["user"]["username"] == "kubernetes-admin" and event["impersonatedUser"]["username"] == "jane"
        assert event["responseStatus"]["code"] == 403

    audited(DEFAULT, test, tmp_path)


def asked(verb: str = "get", resource: str = "pods", **more: Any) -> Question:
    return Question("jane", ("devs",), verb, resource=resource, **more)


@pytest.mark.parametrize(
    ("rule", "question", "matches"),
    [
        ({"users": ["jane"]}, asked(), True),
        ({"users": ["joe"]}, asked(), False),
        ({"userGroups": ["devs", "ops"]}, asked(), True),
        ({"verbs": ["list"]}, asked(), False),
        ({"resources": [{"resources": ["pods"]}]}, asked(resource="pods/log"), False),
        ({"resources": [{"resources": ["pods/log"]}]}, asked(resource="pods/log"), True),
        ({"resources": [{"resources": ["pods/*"]}]}, asked(resource="pods/log"), True),
        ({"resources": [{"resources": ["*/log"]}]}, asked(resource="pods/log"), True),
        ({"resources": [{"group": "apps"}]}, asked(resource="deployments", group="apps"), True),
        ({"resources": [{"group": "apps"}]}, asked(), False),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, asked(name="b"), False),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, asked(name="a"), True),
        ({"namespaces": ["default"]}, asked(namespace="default"), True),
        ({"namespaces": [""]}, asked(resource="nodes"), True),
        ({"namespaces": ["kube-system"]}, asked(namespace="default"), False),
        ({"nonResourceURLs": ["/healthz*"]}, asked(resource="", path="/healthz/x"), True),
        ({"nonResourceURLs": ["/healthz"]}, asked(resource="", path="/healthz/x"), False),
        ({"nonResourceURLs": ["/healthz"]}, asked(), False),
        ({"resources": [{"resources": ["pods"]}]}, asked(resource="", path="/version"), False),
    ],
)
def test_what_a_rule_matches(rule: dict[str, Any], question: Question, matches: bool) -> None:
    policy = of({"level": "Metadata", **rule})
    assert policy.verdict(question).level == (Level.METADATA if matches else Level.NONE)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"[", "neither JSON nor YAML"),
        (b"kind: Policy", "must be a Policy of audit.k8s.io/v1"),
        (b"kind: Policy\napiVersion: audit.k8s.io/v1", "at least one"),
        (b"kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: All}]", "rules\\[0\\].level"),
        (
            b"kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: None, omitStages: [Never]}]",
            "'Never' is none of",
        ),
        (
            b"kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: None, nonResourceURLs: ['a']}]",
            "must begin with",
        ),
        (b"kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [7]", "do not have the types"),
    ],
)
def test_policies_that_cannot_be_used(document: bytes, why: str) -> None:
    with pytest.raises(PolicyProblem, match=why):
        parse(document, "the file")


def test_the_file_is_private_and_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    write = Rotating(path, most_bytes=100, backups=2)
    for number in range(10):
        write([b"x" * 39 + str(number).encode()])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in tmp_path.iterdir())
    assert path.read_bytes().splitlines()[-1].endswith(b"9")


def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaling, "MOST_WAITING", 3)

    async def run() -> None:
        world = await World().start()
        journal = Journal([])  # not started: nothing is taken out
        world.server.audit(
            Auditor(of({"level": "Metadata"}, omitStages=["RequestReceived"]), journal, SystemClock(), Chance(1))
        )
        for _ in range(5):
            status, _ = await world.ask("GET", f"{BASE}/pods")
            assert status == 200
        assert journal.dropped == 2
        _, page = await world.ask("GET", "/metrics")
        assert b'apiserver_audit_error_total{plugin="queue"} 2' in page

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/apis/g.io/v1/namespaces/n/things", ("create", "g.io", "things", "n", "")),
        ("GET", "/apis/g.io/v1/namespaces/n/things/t", ("get", "g.io", "things", "n", "t")),
        ("GET", "/apis/g.io/v1/things", ("list", "g.io", "things", "", "")),
        ("DELETE", "/apis/g.io/v1/things", ("deletecollection", "g.io", "things", "", "")),
        ("PATCH", "/apis/g.io/v1/things/t/status", ("patch", "g.io", "things/status", "", "t")),
        ("GET", "/apis/g.io/v1/namespaces/n", ("get", "g.io", "namespaces", "", "n")),
    ],
)
def test_what_another_servers_path_asks_for(method: str, path: str, expected: tuple[str, ...]) -> None:
    found = question_of_path(method, path, User("jane"))
    assert (found.verb, found.group, found.resource, found.namespace, found.name) == expected
    assert question_of_path("GET", "/apis/g.io/v1", User("jane")).path == "/apis/g.io/v1"


def test_bindings_made_together_are_noted_one_by_one(tmp_path: Path) -> None:
    async def test(world: World, events: Callable[[], Events]) -> None:
        await world.client.create(pod("p"))
        target = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "n1"}}
        names = ("p", "absent")
        await world.client.bind_all([{**target, "metadata": {"name": name, "namespace": "default"}} for name in names])
        found = {event["objectRef"]["name"]: event for event in events() if event["objectRef"].get("subresource")}
        assert {name: event["responseStatus"]["code"] for name, event in found.items()} == {"p": 201, "absent": 404}
        assert found["p"]["verb"] == "create" and found["p"]["requestURI"] == f"{BASE}/pods/p/binding"
        assert found["p"]["requestObject"]["target"]["name"] == "n1"

    audited(of({"level": "Request"}, omitStages=["RequestReceived"]), test, tmp_path)
