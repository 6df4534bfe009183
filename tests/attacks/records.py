"""Attacks on what is written down: lines forged in logs, Secrets in records and errors, files that tell a client to run
or unpack something."""

from __future__ import annotations

import base64
import gzip
import io
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.audit.journal import Journal, Rotating
from podo.apiserver.audit.policy import DEFAULT, Policy, policy_of
from podo.client import kubeconfig
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.attacks.table import APPLY, JANE, MAPS, MERGE, PODS, SECRET, SECRETS, VALUE, Arena, Obj, attack
from tests.unit.apiserver.hooks import configmap
from tests.unit.apiserver.world import ADMIN, certificate, pod

EVERYTHING = policy_of(
    {"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": [{"level": "RequestResponse"}]}, "the test"
)


class Record:
    """The audit log of a world."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self._path, self._journal = path, journal

    def lines(self) -> list[bytes]:
        self._journal.stop()
        return self._path.read_bytes().splitlines() if self._path.exists() else []


@asynccontextmanager
async def recorded(arena: Arena, policy: Policy = EVERYTHING) -> AsyncIterator[Record]:
    path = arena.folder / "audit.log"
    journal = Journal([Rotating(path)])
    journal.start()
    arena.world.server.audit(Auditor(policy, journal, SystemClock(), Chance(1)))
    try:
        yield Record(path, journal)
    finally:
        journal.stop()


@attack("lines of one's own in the audit log", "CWE-117 log injection", "the address")
async def _(arena: Arena) -> None:
    forged = '"}\n{"kind":"Event","level":"Metadata","forged":true}\n'
    async with recorded(arena) as record:
        for where in ("user_agent", "x_forwarded_for", "audit_id"):
            await arena.world.ask("GET", PODS, **{where: forged})
        await arena.world.ask("GET", f"{PODS}/x%0a%7b%22forged%22:true%7d?a=%0a{{}}")
        await arena.world.ask("GET", PODS, who=certificate(f"jane{forged}", forged))
        await arena.world.ask("GET", PODS, impersonate_user=forged)
        lines = record.lines()
    assert len(lines) >= 5
    for line in lines:
        event = orjson.loads(line)
        assert event["kind"] == "Event" and event["auditID"] and "forged" not in event


@attack("lines of one's own in the server's log", "CWE-117 log injection", "the address")
async def _(arena: Arena) -> None:
    with pytest.MonkeyPatch.context() as patched:
        said = io.StringIO()
        patched.setattr("sys.stderr", said)
        await arena.world.ask("GET", f"{PODS}?a\n2026 INFO forged", who=None, authorization="Bearer x\nforged y")
    assert not any(line.lstrip().startswith(("forged", "2026 INFO forged")) for line in said.getvalue().splitlines())


@attack("a request that leaves no trace", "CWE-778 insufficient logging", "any")
async def _(arena: Arena) -> None:
    async with recorded(arena, DEFAULT) as record:
        await arena.refused("GET", SECRETS, who=JANE)
        await arena.refused("GET", SECRETS, who=None)
        await arena.refused("GET", SECRETS, b"", 401, who=None, authorization="Bearer wrong")
        await arena.refused("GET", SECRETS, who=JANE, impersonate_user="kubernetes-admin")
        await arena.made(MAPS, configmap())
        await arena.world.ask("DELETE", f"{MAPS}/one")
        codes = sorted(orjson.loads(line)["responseStatus"]["code"] for line in record.lines())
    assert codes == [200, 201, 401, 403, 403, 403]


@attack(
    "a request hidden behind a user whom the policy leaves out", "CWE-778 insufficient logging", "impersonate on users"
)
async def _(arena: Arena) -> None:
    rules: list[Obj] = [{"level": "None", "users": ["system:kube-proxy"]}, {"level": "Metadata"}]
    policy = policy_of({"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": rules}, "the test")
    async with recorded(arena, policy) as record:
        for path in (PODS, "/version"):
            await arena.world.ask("GET", path, impersonate_user="system:kube-proxy")
        events = [orjson.loads(line) for line in record.lines()]
    assert {event["requestURI"] for event in events} == {PODS, "/version"}
    assert {event["impersonatedUser"]["username"] for event in events} == {"system:kube-proxy"}


@attack("a body that grows when it is noted", "CWE-409 decompression bomb, CVE-2019-11253", "any write")
async def _(arena: Arena) -> None:
    zipped = gzip.compress(bytes(64 << 20))
    lines = [b"a0: &a0 [x]", *(b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9))]
    tracemalloc.start()
    try:
        async with recorded(arena) as record:
            for body, content_type in ((zipped, "application/json"), (b"\n".join(lines), APPLY)):
                target = f"{MAPS}/one?fieldManager=m"
                await arena.refused("PATCH", target, body, 400, 413, 415, who=ADMIN, content_type=content_type)
            events = [orjson.loads(line) for line in record.lines()]
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    assert events and not any("requestObject" in event for event in events)


@attack("Secrets in the audit log, even where a policy would note all", "secrets via audit", "reading the log")
async def _(arena: Arena) -> None:
    async with recorded(arena) as record:
        await arena.made(SECRETS, SECRET)
        await arena.world.ask("GET", SECRETS)
        await arena.world.ask("PATCH", f"{SECRETS}/s", {"stringData": {"key": VALUE}}, content_type=MERGE)
        await arena.world.ask("PUT", f"{SECRETS}/s", {**SECRET, "data": 7})
        await arena.world.ask("DELETE", f"{SECRETS}/s")
        text = b"\n".join(record.lines())
    assert text.count(b'"auditID"') >= 5
    assert VALUE.encode() not in text and base64.b64encode(VALUE.encode()) not in text


@attack("Secrets in texts of errors, of events and of metrics", "secrets via error texts", "a wrong request")
async def _(arena: Arena) -> None:
    encoded = base64.b64encode(VALUE.encode()).decode()
    wrong: list[Obj] = [
        {**SECRET, "data": {"../x": encoded}},
        {**SECRET, "data": {"key": VALUE + "!"}},
        {**SECRET, "data": {"key": [VALUE]}},
        {**SECRET, "stringData": {"key": {"a": VALUE}}},
        {**SECRET, "type": "kubernetes.io/tls", "data": {"tls.crt": encoded}},
        {**SECRET, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": encoded}},
        {**SECRET, "type": "kubernetes.io/basic-auth", "stringData": {"x": VALUE}},
    ]
    texts = []
    for body in wrong:
        status, answer = await arena.world.ask("POST", f"{SECRETS}?fieldValidation=Strict", body)
        if status >= 400:
            texts.append(str(answer))
    assert len(texts) >= 5
    _, metrics = await arena.bytes_of("GET", "/metrics")
    page = await arena.world.client.list("Event")
    texts += [metrics.decode(), str(page.items)]
    for text in texts:
        assert VALUE not in text and encoded not in text, text


@attack("Secrets kept in an annotation, where kubectl would print them", "secrets via annotations", "reading")
async def _(arena: Arena) -> None:
    """A Table, which terminals and logs show, has sizes and no values."""
    await arena.made(SECRETS, SECRET)
    _, table = await arena.world.ask("GET", f"{SECRETS}/s", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert table["rows"][0]["cells"][2] == 1 and VALUE not in str(table["rows"][0]["cells"])
    assert base64.b64encode(VALUE.encode()).decode() not in str(table)


@attack("a kubeconfig that runs a program or reads a file", "kubeconfig exec, CVE-2021-25743's class", "a kubeconfig")
async def _(arena: Arena) -> None:
    marker = arena.folder / "ran"
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(marker)]}
    for user in ({"exec": program}, {"auth-provider": {"name": "gcp", "config": {"cmd-path": f"touch {marker}"}}}):
        path = arena.folder / "kubeconfig"
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": user}],
        }
        path.write_bytes(orjson.dumps(document))
        with pytest.raises(ValueError, match="plug-in"):
            kubeconfig.read(path)
    path.write_text("!!python/object/apply:os.system ['touch " + str(marker) + "']")
    with pytest.raises(ValueError):
        kubeconfig.read(path)
    assert not marker.exists()


@attack("escape sequences for the terminal of who lists", "CVE-2021-25743, CWE-150", "create on events and pods")
async def _(arena: Arena) -> None:
    """Names, labels and reasons of objects, which tables print, cannot hold them."""
    for name in ("\x1b[2J", "a\x1b]0;x\x07", "a\rb"):
        await arena.refused("POST", PODS, pod(name), 422, who=ADMIN)
        labelled = pod("p")
        labelled["metadata"]["labels"] = {"a": name}
        await arena.refused("POST", PODS, labelled, 422, who=ADMIN)
