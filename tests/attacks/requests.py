"""Attacks by what is in a request: its path, its parameters, its body, what comes back of it."""

from __future__ import annotations

import orjson

from podo.http.message import Response
from tests.attacks.table import ADMIN, BASE, JSON_PATCH, PODS, Arena, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import pod


@attack("metadata that is the server's to write", "CWE-915 modification of attributes", "create on pods")
async def _(arena: Arena) -> None:
    lie = {"name": "p", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9}
    body = pod("p")
    body["metadata"] |= lie | {"deletionTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}
    found = (await arena.made(PODS, body))["metadata"]
    assert found["uid"] != "mine" and not found["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in found and "selfLink" not in found


@attack(
    "an object of another namespace through the body", "CWE-639 authorization by a key of the user", "create on pods"
)
async def _(arena: Arena) -> None:
    body = pod("p")
    body["metadata"]["namespace"] = "kube-system"
    await arena.refused("POST", PODS, body, 400, who=ADMIN, says="does not match the namespace sent on the request")


@attack("names and paths that climb out", "CWE-22 path traversal", "get on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get", "pods"))
    for path in ("..%2f..%2fsecrets", "%2e%2e%2fsecrets", "..", "../secrets/s", "x%00", "a%2fb"):
        await arena.refused("GET", f"{PODS}/{path}", b"", 400, 403, 404)
    for name in ("../x", "a/b", "..", "A_B", "x" * 300):
        await arena.refused("POST", PODS, pod(name), 422, who=ADMIN)


@attack("a directory listing or a file of the server", "CWE-548 directory listing", "the address")
async def _(arena: Arena) -> None:
    for path in ("/logs/", "/static/", "/etc/passwd", "/..%2f..%2fetc/passwd", "/debug/pprof/"):
        status, answer = await arena.world.ask("GET", path)
        assert status in (403, 404) and b"root:" not in (answer if isinstance(answer, bytes) else b"")


@attack("YAML that grows", "CVE-2019-11253 (billion laughs)", "create on configmaps")
async def _(arena: Arena) -> None:
    lines = ['a0: &a0 ["x","x","x","x","x","x","x","x","x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    body = "\n".join(["apiVersion: v1", "kind: ConfigMap", "metadata: {name: bomb}", *lines]).encode()
    await arena.refused("POST", f"{BASE}/configmaps", body, 400, 413, 422, who=ADMIN, content_type="application/yaml")


@attack("JSON that is nested too deeply", "CWE-674 uncontrolled recursion", "create on configmaps")
async def _(arena: Arena) -> None:
    body = (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}"
    )
    await arena.refused("POST", f"{BASE}/configmaps", body, 400, 413, 422, who=ADMIN)


@attack("a body that is too large", "CWE-770, oversized bodies", "create on configmaps")
async def _(arena: Arena) -> None:
    await arena.refused("POST", f"{BASE}/configmaps", b" " * (4 << 20), 413, who=ADMIN)


@attack("a patch that multiplies, or of too many steps", "CVE-2019-1002100 (json-patch)", "patch on configmaps")
async def _(arena: Arena) -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "x" * 1000}}
    await arena.made(f"{BASE}/configmaps", settings)
    grow = [{"op": "copy", "from": "/data", "path": f"/data/{number}"} for number in range(60)]
    await arena.refused("PATCH", f"{BASE}/configmaps/c", grow, 400, 413, 422, who=ADMIN, content_type=JSON_PATCH)
    many = [{"op": "add", "path": "/data/b", "value": "y"}] * 20_000
    await arena.refused("PATCH", f"{BASE}/configmaps/c", many, 400, 413, 422, who=ADMIN, content_type=JSON_PATCH)


@attack("parameters that are no numbers, no versions or no tokens", "CWE-20 input validation", "list on pods")
async def _(arena: Arena) -> None:
    for query in (
        *("resourceVersion=x", "resourceVersion=99999999999999999999999", "limit=-1", "limit=x", "continue=%00%ff"),
        *("labelSelector=%28", "fieldSelector=x%3D", "timeoutSeconds=x&watch=true", "resourceVersionMatch=x"),
    ):
        status, answer = await arena.world.ask("GET", f"{PODS}?{query}")
        assert status < 500 and status != 201, (query, answer)


@attack("headers that split the answer", "CWE-113 response splitting", "create on pods")
async def _(arena: Arena) -> None:
    body = {**pod("p"), "unknown\r\nSet-Cookie": "x"}
    answer = await arena.world.answer("POST", PODS, orjson.dumps(body))
    assert isinstance(answer, Response)
    assert all("\r" not in value and "\n" not in value for _, value in answer.headers)
