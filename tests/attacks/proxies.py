"""Attacks through the API server on what it can reach: other addresses, kubelets, extension servers, itself."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from podo.apiserver.calling.connections import Trust
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.cluster.certificates import identities
from podo.cluster.config import Config
from podo.http.client import HttpPool
from podo.http.message import Request, Response
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from tests.attacks.table import BASE, JANE, MAPS, PODS, SECRET, SECRETS, SERVICES, Arena, Obj, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.calling.webhookserver import Webhook, serving
from tests.unit.apiserver.hooks import GROUP, configmap, configure, hook
from tests.unit.apiserver.world import ADMIN, pod, service

#: Where nobody but the machine itself should get: its loopback, the cloud's metadata, links, names for them.
CLOSED = ("127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "::ffff:169.254.169.254", "224.0.0.1")


async def with_address(arena: Arena, name: str, ip: str) -> None:
    """A pod whose status says that it is there, as one who may write statuses, or a kubelet, could say."""
    await arena.made(PODS, pod(name))
    status = {"podIP": ip, "podIPs": [{"ip": ip}]}
    await arena.world.client.patch("Pod", name, "default", patch={"status": status}, subresource="status")


@attack("metadata of the cloud through a pod's address", "CVE-2020-8562, SSRF", "pods/proxy and a pod's status")
async def _(arena: Arena) -> None:
    for number, ip in enumerate(CLOSED):
        try:
            await with_address(arena, f"p{number}", ip)
        except Exception:  # the status itself was refused
            continue
        await arena.refused("GET", f"{PODS}/p{number}:80/proxy/latest/meta-data/", b"", 400, 503, who=ADMIN)


@attack("a name that is fine when looked at and not when dialled", "CVE-2020-8562 (time of check)", "nodes/proxy")
async def _(arena: Arena) -> None:
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def turning(host: Any, port: Any, **more: Any) -> Any:
        """A name server of the attacker: first an honest address, from then on the machine's own."""
        asked.append(str(host))
        ip = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    from podo.apiserver.subresources.proxyaddress import dialled
    from podo.apiserver.subresources.proxytarget import Target

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "getaddrinfo", turning, raising=False)
        assert await dialled(Target("rebind.example.com", 80)) == "192.0.2.1"
        assert len(asked) == 1, "what was checked is what is dialled"
    assert real is not None


@attack("a Service without pods that leads elsewhere", "CVE-2021-25740, SSRF", "services/proxy, endpointslices")
async def _(arena: Arena) -> None:
    await arena.made(SERVICES, service("s"))
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    meta = {"name": "e", "labels": {"kubernetes.io/service-name": "s"}}
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
    lie = {"kind": "Pod", "name": "absent", "namespace": "kube-system"}
    ends = [{"addresses": ["192.0.2.7"]}, {"addresses": ["192.0.2.7"], "targetRef": lie}]
    await arena.made(slices, {**found, "endpoints": ends, "ports": [{"port": 80}]})
    await arena.refused("GET", f"{SERVICES}/s/proxy/", b"", 503, who=ADMIN, says="no endpoints available")


@attack("a proxy's path that climbs out of it", "CWE-22 path traversal", "nodes/proxy, the paths of one pod")
async def _(arena: Arena) -> None:
    await grant(arena.world, "p", rule("get", "pods/proxy", resourceNames=["mine"]))
    for path in ("mine/proxy/../../other/proxy/", "mine%2F..%2Fother/proxy/", "other/proxy/", "mine:80:x:y/proxy/"):
        await arena.refused("GET", f"{PODS}/{path}", b"", 400, 403, 404)


@asynccontextmanager
async def front(arena: Arena, shown: str, *groups: str) -> AsyncIterator[tuple[HttpPool, int]]:
    """The API server on a port, whose client for kubelets shows the certificate ``shown`` of ``groups``."""
    own, key = arena.pki.issue(shown, *groups)
    arena.world.server.kubelet = KubeletAccess(client_context(ca=arena.pki.ca, certificate=own, key=key))
    server = HttpServer(arena.world.server.handle)
    port = await server.listen("127.0.0.1", 0, tls=server_context(*arena.pki.issue("front"), client_ca=arena.pki.ca))
    admin, key = arena.pki.issue("kubernetes-admin", "system:masters")
    pool = HttpPool("127.0.0.1", port, tls=client_context(ca=arena.pki.ca, certificate=admin, key=key))
    try:
        yield pool, port
    finally:
        pool.close()
        await server.stop(0.1)


def node_at(port: int) -> Obj:
    address = [{"type": "InternalIP", "address": "127.0.0.1"}]
    status = {"addresses": address, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": status}


@attack("a node that says it is the API server", "CVE-2022-3294, confused deputy", "a node's status, nodes/proxy")
async def _(arena: Arena) -> None:
    """The API server then asks itself, as whom its certificate for kubelets says: that must be nobody."""
    await arena.made(SECRETS, SECRET)
    config = Config(name="c", data_dir=str(arena.folder))
    shown = next(one for one in identities(config) if one.file == "apiserver-kubelet-client")
    async with front(arena, shown.user, *shown.groups) as (pool, port):
        await arena.world.client.create(node_at(port))
        answer = await pool.request("GET", f"/api/v1/nodes/n1/proxy{SECRETS}/s")
        assert answer.status == 403 and b"system:masters" not in answer.body, answer.body


@attack("a kubelet's answer that sends the API server elsewhere", "CVE-2020-8559, CVE-2020-8561", "a kubelet")
async def _(arena: Arena) -> None:
    seen: list[str] = []

    async def away(request: Request) -> Response:
        seen.append(request.path)
        return Response(302, b"", "", [("Location", "https://127.0.0.1:1/secret")])

    behind = HttpServer(away)
    tls = server_context(*arena.pki.issue("kubelet"), client_ca=arena.pki.ca)
    kubelet = await behind.listen("127.0.0.1", 0, tls=tls)
    async with front(arena, "kubelet-client") as (pool, port):
        await arena.world.client.create(node_at(kubelet))
        await arena.made(PODS, pod("p", nodeName="n1"))
        for path in (f"{PODS}/p/log", "/api/v1/nodes/n1/proxy/x"):
            answer = await pool.request("GET", path)
            assert len(seen) == 1, "no redirect is followed"
            assert answer.status >= 300
            seen.clear()
        said = await upgraded(arena, port, f"{PODS}/p/exec?command=id&stdout=true", "kubernetes-admin")
        assert len(seen) == 1 and b" 101 " not in said and b"Location" not in said
    await behind.stop(0.1)


async def upgraded(arena: Arena, port: int, path: str, user: str, then: bytes = b"") -> bytes:
    """All that comes back on a connection that asks to become a tunnel, and on which more follows."""
    certificate, key = arena.pki.issue(user, *(["system:masters"] if user == "kubernetes-admin" else []))
    tls = client_context(ca=arena.pki.ca, certificate=certificate, key=key)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
    writer.write(head.encode() + then + b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


@attack("a kubelet with a certificate of its own making", "CWE-295, node impersonation", "a machine on the network")
async def _(arena: Arena) -> None:
    from tests.pki import Pki

    seen: list[str] = []

    async def listening(request: Request) -> Response:
        seen.append(request.path)
        return Response(200, b"fooled", "text/plain")

    (arena.folder / "other").mkdir()
    behind = HttpServer(listening)
    kubelet = await behind.listen("127.0.0.1", 0, tls=server_context(*Pki(arena.folder / "other").issue("kubelet")))
    async with front(arena, "kubelet-client") as (pool, _):
        await arena.world.client.create(node_at(kubelet))
        await arena.made(PODS, pod("p", nodeName="n1"))
        for path in (f"{PODS}/p/log", "/api/v1/nodes/n1/proxy/x"):
            answer = await pool.request("GET", path)
            assert answer.status >= 500 and not seen
    await behind.stop(0.1)


@attack("credentials handed on to what is behind the proxy", "token leakage", "a pod behind the proxy")
async def _(arena: Arena) -> None:
    seen: list[dict[str, str]] = []

    async def listening(request: Request) -> Response:
        seen.append(dict(request.headers))
        return Response(200, b"", "text/plain")

    behind = HttpServer(listening)
    tls = server_context(*arena.pki.issue("kubelet"), client_ca=arena.pki.ca)
    kubelet = await behind.listen("127.0.0.1", 0, tls=tls)
    async with front(arena, "kubelet-client") as (pool, _):
        await arena.world.client.create(node_at(kubelet))
        headers = {"Authorization": "Bearer mine", "X-Remote-User": "root", "Impersonate-User": "kubernetes-admin"}
        await pool.request("GET", "/api/v1/nodes/n1/proxy/x", headers=headers)
        await pool.request("GET", "/api/v1/nodes/n1/proxy/x", headers={"Proxy-Authorization": "Basic mine"})
    await behind.stop(0.1)
    assert seen and not any("mine" in value for one in seen for value in one.values())
    assert not any(name.startswith(("impersonate-", "x-remote-")) for one in seen for name in one)


@attack("a webhook that sends the API server to another address", "CVE-2020-8561 (redirects)", "a webhook")
async def _(arena: Arena) -> None:
    async def away(webhook: Webhook, request: Request) -> Response:
        return Response(307, b"the log would have this", "", [("Location", webhook.client("/elsewhere")["url"])])

    async with serving(arena.pki, away) as webhook:
        await configure(arena.world, "Validating", hook(webhook))
        answer = await arena.refused("POST", MAPS, configmap(), 500, who=ADMIN)
        assert len(webhook.paths) == 1 and "the log would have this" not in str(answer)


@attack("a webhook at an address with a name, a password or a query", "CVE-2020-8561's neighbours", "webhooks")
async def _(arena: Arena) -> None:
    path = f"/apis/{GROUP}/v1/validatingwebhookconfigurations"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}]
    for url in (
        "http://a.example.com/",
        "https://u:p@a.example.com/",
        "https://a.example.com/?x=1",
        "file:///etc/passwd",
    ):
        one = {"name": "h.example.com", "clientConfig": {"url": url}, "rules": rules, "sideEffects": "None"}
        body = {"metadata": {"name": "w"}, "webhooks": [{**one, "admissionReviewVersions": ["v1"]}]}
        await arena.refused("POST", path, body, 422, who=ADMIN)


@attack("an extension server in place of a built-in group", "CVE-2022-3172, aggregation escalation", "apiservices")
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, SECRET)
    services = "/apis/apiregistration.k8s.io/v1/apiservices"
    for name, group in (
        ("v1.", ""),
        ("v1.rbac.authorization.k8s.io", "rbac.authorization.k8s.io"),
        ("v1.apps", "apps"),
    ):
        spec: Obj = {"group": group, "version": "v1", "service": {"name": "evil", "namespace": "default"}}
        spec |= {"groupPriorityMinimum": 20000, "versionPriority": 1000, "insecureSkipTLSVerify": True}
        await arena.world.ask("POST", services, {"metadata": {"name": name}, "spec": spec})
    found = await arena.world.client.get("Secret", "s", "default")
    assert found["data"]
    status, _ = await arena.world.ask("GET", "/apis/apps/v1/namespaces/default/deployments")
    assert status == 200


@attack("headers that name a user to an extension server", "CVE-2018-1002105's class", "get on an extension's kind")
async def _(arena: Arena) -> None:
    from tests.unit.apiserver.aggregation import test_aggregation as aggregation
    from tests.unit.apiserver.aggregation.extensionserver import extending

    shown, key = arena.pki.issue("front-proxy-client")
    world = await type(arena.world)(front_proxy=Trust(certificate=shown, key=key)).start()
    async with extending(arena.pki, arena.pki.ca) as extension:
        await aggregation.add_service(world, extension.port)
        bundle = base64.b64encode(arena.pki.ca.read_bytes()).decode()
        await world.client.create(aggregation.api_service(bundle))
        await aggregation.until(world, "Passed")
        await grant(world, "f", {**rule("get", "flunders"), "apiGroups": [aggregation.GROUP]})
        lies = {"x_remote_user": "kubernetes-admin", "x_remote_group": "system:masters"}
        lies |= {"x_remote_extra_scopes": "all", "x_remote_uid": "1"}
        await world.answer("GET", f"{aggregation.FLUNDERS}/a", who=JANE, **lies)
        _, _, headers = extension.seen[-1]
        assert headers["x-remote-user"] == "jane" and "system:masters" not in headers["x-remote-group"]
        assert "x-remote-extra-scopes" not in headers and "x-remote-uid" not in headers
        await world.server.close()


@attack("more requests on a connection that was refused its upgrade", "CVE-2018-1002105", "exec on an absent pod")
async def _(arena: Arena) -> None:
    """After an upgrade that failed, what follows on the connection is asked as its sender again."""
    await grant(arena.world, "x", rule("create get", "pods/exec"), user="eve")
    await arena.made(PODS, pod("p", nodeName="n1"))
    async with front(arena, "kubelet-client") as (_, port):
        await arena.world.client.create(node_at(1))
        asked = f"{PODS}/p/exec?command=id&stdout=true"
        said = await upgraded(arena, port, asked, "eve", f"GET {SECRETS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 101 " not in said and b"SecretList" not in said
        assert said.count(b"HTTP/1.1") == 1 or b" 403 " in said


@attack("a log of a path of one's choice", "log and path traversal", "get on pods/log")
async def _(arena: Arena) -> None:
    await grant(arena.world, "l", rule("get", "pods/log"))
    await arena.made(PODS, pod("p"))
    arena.world.server.kubelet = KubeletAccess(client_context(verify=False))
    for container in ("../../../etc/passwd", "a%2f..%2f..", "%00"):
        await arena.refused("GET", f"{PODS}/p/log?container={container}", b"", 400)
    for path in (f"{PODS}/..%2f..%2f/log", f"{PODS}/p/log/../../exec", f"{BASE}/pods/p/log/x"):
        await arena.refused("GET", path, b"", 400, 403, 404)


@attack("an extension's path that means another one there", "CWE-436 two readings of a path", "get on one resource")
async def _(arena: Arena) -> None:
    group = "x.example.com"
    await grant(arena.world, "reader", rule("get list", "things", group))
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
    spec |= {"service": {"name": "s", "namespace": "default"}, "insecureSkipTLSVerify": True}
    made = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{group}"}}
    await arena.made("/apis/apiregistration.k8s.io/v1/apiservices", {**made, "spec": spec})
    things = f"/apis/{group}/v1/namespaces/default/things"
    await arena.refused("GET", things, b"", 503)
    for climbing in ("..%2Fsecrets", "x/..", "x/../../secrets", "%2e%2e/%2e%2e/kube-system/things", "."):
        await arena.refused("GET", f"{things}/{climbing}", b"", 400, 404)
