"""Attacks of one tenant on others and on the machine: their traffic, their share, their Secrets, the host's files."""

from __future__ import annotations

import asyncio

from podo.admission.configuration import parse
from tests.attacks.table import ADMIN, BASE, MERGE, PODS, SECRET, SECRETS, SERVICES, STRATEGIC, Arena, Obj, attack
from tests.attacks.workloads import level
from tests.unit.admission.test_access import grant, rule
from tests.unit.admission.test_imagepolicy import document
from tests.unit.apiserver.calling.webhookserver import reviewing
from tests.unit.apiserver.hooks import configure, hook
from tests.unit.apiserver.world import World, pod, service
from tests.unit.authz.test_configured import Hook

GROUP = "rbac.authorization.k8s.io"


@attack("another's traffic by externalIPs of a Service", "CVE-2020-8554", "create on services")
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create patch", "services"))
    says = "Use of external IPs is denied by admission control"
    await arena.refused("POST", SERVICES, service("s", externalIPs=["8.8.8.8"]), says=says)


@attack("another namespace's backends through Endpoints", "CVE-2021-25740", "the role admin in a namespace")
async def _(arena: Arena) -> None:
    binding = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "jane", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": GROUP}],
    }
    await arena.world.client.create(binding)
    subsets = [{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"port": 80}]}]
    metadata = {"metadata": {"name": "e"}}
    await arena.refused(
        "POST", f"{BASE}/endpoints", {"apiVersion": "v1", "kind": "Endpoints", **metadata, "subsets": subsets}
    )
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **metadata, "addressType": "IPv4"}
    await arena.refused("POST", slices, {**found, "endpoints": [{"addresses": ["10.0.0.9"]}]})


@attack("endpoints on the machine itself or its metadata service", "SSRF, CWE-918", "create on endpoints")
async def _(arena: Arena) -> None:
    for ip in ("127.0.0.1", "169.254.169.254", "::1"):
        subsets = [{"addresses": [{"ip": ip}], "ports": [{"port": 80}]}]
        body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": subsets}
        await arena.refused("POST", f"{BASE}/endpoints", body, 422, who=ADMIN)


@attack("a quota overrun by many at once", "quota races", "create on pods")
async def _(arena: Arena) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "5"}}}
    await arena.made(f"{BASE}/resourcequotas", quota)
    answers = await asyncio.gather(*(arena.world.ask("POST", PODS, pod(f"p{number}")) for number in range(40)))
    assert [status for status, _ in answers].count(201) == 5


@attack("a quota avoided by a status in the body", "quota bypass", "create on pods")
async def _(arena: Arena) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    await arena.made(f"{BASE}/resourcequotas", quota)
    body = {**pod("p"), "status": {"phase": "Succeeded"}}
    await arena.refused("POST", PODS, body, who=ADMIN, says="exceeded quota")


@attack("a quota avoided by negative amounts", "quota bypass, CWE-20", "create on pods")
async def _(arena: Arena) -> None:
    resources = {"requests": {"cpu": "-1"}, "limits": {"cpu": "1"}}
    container = {"name": "a", "image": "i", "resources": resources}
    await arena.refused("POST", PODS, pod("p", containers=[container]), 403, 422, who=ADMIN)


@attack("a priority of the system", "CWE-269 privilege management", "create on priorityclasses and pods")
async def _(arena: Arena) -> None:
    for value, name in ((1, "system-mine"), (2_000_000_001, "mine")):
        kind = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
        await arena.refused("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", kind, 403, 422, who=ADMIN)
    await arena.refused("POST", PODS, pod("p", priority=2_000_000_000), who=ADMIN)


@attack("the end of a namespace that the cluster needs", "denial of service", "delete on namespaces")
async def _(arena: Arena) -> None:
    await arena.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    for name in ("kube-system", "default"):
        await arena.refused("DELETE", f"/api/v1/namespaces/{name}", who=ADMIN)


@attack(
    "a debugging container that Pod Security would refuse",
    "ephemeral-container bypass, CVE-2023-2727's class",
    "update on pods/ephemeralcontainers",
)
async def _(arena: Arena) -> None:
    await level(arena, "baseline")
    await arena.made(PODS, pod("p"))
    container = {"name": "d", "image": "i", "securityContext": {"privileged": True}}
    body = {"spec": {"ephemeralContainers": [container]}}
    says = "must not set securityContext.privileged=true"
    await arena.refused("PATCH", f"{PODS}/p/ephemeralcontainers", body, who=ADMIN, says=says, content_type=STRATEGIC)


@attack(
    "a volume's subPath that climbs out",
    "subPath and symlink escapes, CVE-2017-1002101, CVE-2021-25741",
    "create on pods",
)
async def _(arena: Arena) -> None:
    for mount in ({"subPath": "../../etc"}, {"subPath": "/etc"}, {"subPathExpr": "a/../../b"}):
        container = {"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v", **mount}]}
        spec = {"containers": [container], "volumes": [{"name": "v", "emptyDir": {}}]}
        await arena.refused("POST", PODS, pod("p", **spec), 422, who=ADMIN)


@attack("a key or path of a volume that climbs out", "CWE-22 path traversal", "create on pods and configmaps")
async def _(arena: Arena) -> None:
    for path in ("../x", "/x", "a/../../x"):
        volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": path}]}}
        await arena.refused("POST", PODS, pod("p", volumes=[volume]), 422, who=ADMIN)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"../x": "a"}}
    await arena.refused("POST", f"{BASE}/configmaps", settings, 422, who=ADMIN)


@attack("an immutable Secret changed", "mutable immutable Secrets", "update on secrets")
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, {**SECRET, "immutable": True})
    for patch in ({"stringData": {"key": "x"}}, {"immutable": False}):
        await arena.refused("PATCH", f"{SECRETS}/s", patch, 422, who=ADMIN, content_type=MERGE)


@attack("a Secret's value in an error", "secrets via error texts", "create on secrets")
async def _(arena: Arena) -> None:
    wrong = {**SECRET, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "streng-geheim"}}
    status, answer = await arena.world.ask("POST", SECRETS, wrong)
    assert status == 422 and "geheim" not in str(answer) and "c3RyZW5n" not in str(answer)


@attack("an image past its review by a debugging container", "ImagePolicyWebhook, CVE-2023-2727", "update on pods")
async def _(arena: Arena) -> None:
    judge = Hook(lambda spec: {"allowed": not any("bad" in one["image"] for one in spec["containers"])})
    found = parse(document(await judge.start(arena.folder), retryBackoff=1), "test")
    world = await World(admission=found).start()
    guarded = Arena(world, arena.pki, arena.folder)
    await guarded.made(PODS, pod("p"))
    await guarded.refused("POST", PODS, pod("q", containers=[{"name": "a", "image": "bad"}]), who=ADMIN)
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "bad"}]}}
    target = f"{PODS}/p/ephemeralcontainers"
    await guarded.refused("PATCH", target, debug, who=ADMIN, content_type=STRATEGIC)
    changed = {"spec": {"containers": [{"name": "c", "image": "bad"}]}}
    await guarded.refused("PATCH", f"{PODS}/p", changed, 403, 422, who=ADMIN, content_type=STRATEGIC)
    await world.server.close()
    await judge.server.stop()


@attack("what a judge is told of an object's past", "CVE-2021-25735", "a certificate of a node, a webhook that judges")
async def _(arena: Arena) -> None:
    """The old object of an admission review is what is stored, whatever the request says of it."""
    told: list[Obj] = []

    def judge(request: Obj) -> Obj:
        told.append(request)
        return {"allowed": False, "status": {"code": 403}}

    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"fixed": "yes"}}}
    await arena.world.client.create(node)
    everything = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["nodes"], "operations": ["UPDATE"]}
    async with reviewing(arena.pki, judge) as webhook:
        await configure(arena.world, "Validating", hook(webhook, everything))
        stored = await arena.world.client.get("Node", "n1")
        stored["metadata"]["labels"] = {"fixed": "no"}
        await arena.refused("PUT", "/api/v1/nodes/n1", stored, 403, who=ADMIN)
        await arena.refused(
            "PATCH", "/api/v1/nodes/n1", {"metadata": {"labels": None}}, 403, who=ADMIN, content_type=MERGE
        )
    assert all(request["oldObject"]["metadata"]["labels"] == {"fixed": "yes"} for request in told) and len(told) == 2
