"""Attacks on and by objects: owners, finalizers, Services, roles, webhooks, events, quotas."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.apiserver.rolepolicy import ensure_policy
from podo.client.cache import Cache
from podo.client.events import EventRecorder
from podo.controllers import clusterroleaggregation
from podo.reconcile.runner import Runner
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.tasks import sleep
from tests.attacks.table import BASE, JANE, MAPS, MERGE, PODS, SECRET, SECRETS, SERVICES, Arena, Obj, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.calling.webhookserver import reviewing
from tests.unit.apiserver.hooks import GROUP, configmap, configure, hook, patching
from tests.unit.apiserver.world import ADMIN, pod, service

RBAC = "/apis/rbac.authorization.k8s.io/v1"
RBAC_GROUP = "rbac.authorization.k8s.io"


async def bind(arena: Arena, role: str) -> None:
    """Give jane one of the default roles in the namespace default, which the controller has filled."""
    clock, chance = SystemClock(), Chance(2)
    cache = Cache(arena.world.client, (), clock=clock, chance=chance)
    recorder = EventRecorder(arena.world.client, clock, chance, component="test")
    runner = Runner([clusterroleaggregation.reconcile], arena.world.client, cache, clock, chance, recorder)
    await cache.start()
    await runner.start()
    while not (await arena.world.client.get("ClusterRole", role)).get("rules"):
        await sleep(0.002)
    await runner.stop()
    await cache.stop()
    subject = {"kind": "User", "name": "jane", "apiGroup": RBAC_GROUP}
    binding = {"apiVersion": f"{RBAC_GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": role}}
    reference = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": role}
    whole = {**binding, "roleRef": reference, "subjects": [subject]}
    await arena.made(f"{RBAC}/namespaces/default/rolebindings", whole)


@attack("an owner in another namespace, or none at all", "ownerReferences across namespaces", "create on configmaps")
async def _(arena: Arena) -> None:
    await arena.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    for owner in (
        {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "u", "namespace": "other"},
        {"apiVersion": "v1", "kind": "Secret", "name": "", "uid": "u"},
        {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": ""},
        {"apiVersion": "v1", "kind": "", "name": "s", "uid": "u"},
        {"apiVersion": "v1", "kind": "Event", "name": "s", "uid": "u"},
    ):
        body = configmap()
        body["metadata"]["ownerReferences"] = [owner]
        await arena.refused("POST", f"{MAPS}?fieldValidation=Strict", body, 400, 422, who=ADMIN)


@attack("an owner that may then not be deleted", "OwnerReferencesPermissionEnforcement", "create on configmaps")
async def _(arena: Arena) -> None:
    body = configmap()
    twice = [{"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n, "controller": True} for n in ("a", "b")]
    body["metadata"]["ownerReferences"] = twice
    await arena.refused("POST", MAPS, body, 422, who=ADMIN)


@attack("a finalizer that no one can name, or put on what is going", "finalizer stalls", "update on configmaps")
async def _(arena: Arena) -> None:
    for name in ("", "a b", "../x", "x" * 300, "unqualified"):
        body = configmap()
        body["metadata"]["finalizers"] = [name]
        await arena.refused("POST", MAPS, body, 422, who=ADMIN)
    body = configmap()
    body["metadata"]["finalizers"] = ["example.com/a"]
    await arena.made(MAPS, body)
    await arena.world.client.delete("ConfigMap", "one", "default")
    more = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
    await arena.refused("PATCH", f"{MAPS}/one", more, 422, who=ADMIN, content_type=MERGE)


@attack("a namespace finished before it is empty", "finalizer stalls", "update on namespaces")
async def _(arena: Arena) -> None:
    await grant(arena.world, "n", rule("get update patch", "namespaces"))
    namespace = await arena.world.client.get("Namespace", "default")
    namespace["spec"]["finalizers"] = []
    await arena.refused("PUT", "/api/v1/namespaces/default/finalize", namespace)
    await arena.world.ask("PUT", "/api/v1/namespaces/default", namespace, who=JANE)
    assert (await arena.world.client.get("Namespace", "default"))["spec"]["finalizers"] == ["kubernetes"]


@attack("an immutable Secret or ConfigMap opened again", "mutable immutable Secrets", "update on secrets")
async def _(arena: Arena) -> None:
    await grant(arena.world, "w", rule("*", "secrets configmaps"))
    await arena.made(SECRETS, {**SECRET, "immutable": True})
    await arena.made(MAPS, {**configmap(), "immutable": True, "data": {"a": "b"}})
    json_patch = [{"op": "remove", "path": "/immutable"}]
    for path in (f"{SECRETS}/s", f"{MAPS}/one"):
        await arena.refused("PATCH", path, json_patch, 422, content_type="application/json-patch+json")
        await arena.refused("PATCH", path, {"data": {"new": "eA=="}}, 422, content_type=MERGE)
        await arena.refused("PATCH", path, {"binaryData": {"n": "eA=="}, "type": "x"}, 422, content_type=MERGE)


@attack("a Secret's type changed to one that is believed", "mutable Secrets", "update on secrets")
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, SECRET)
    for kind in ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "kubernetes.io/tls"):
        await arena.refused("PATCH", f"{SECRETS}/s", {"type": kind}, 422, who=ADMIN, content_type=MERGE)


@attack("Secrets found by selectors of a watch or a list", "watch of Secrets by selectors", "get on one secret")
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, SECRET)
    await grant(arena.world, "one", rule("get list watch", "secrets", resourceNames=["mine"]))
    for query in (
        "fieldSelector=metadata.name%3Ds",
        "fieldSelector=metadata.name!%3Dmine",
        "fieldSelector=metadata.name!%3Dx%5C%2Cmetadata.name%3Dmine",
        "watch=1&fieldSelector=metadata.name!%3Dx%5C%2Cmetadata.name%3Dmine",
        "fieldSelector=type%3DOpaque",
        "labelSelector=a",
        "watch=1&fieldSelector=metadata.namespace%3Ddefault",
        "watch=true&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "limit=1&continue=x",
    ):
        await arena.refused("GET", f"{SECRETS}?{query}")
    for path in (f"{SECRETS}?fieldSelector=metadata.name%3Dmine", "/api/v1/secrets?fieldSelector=metadata.name%3Dmine"):
        for more in ("", ",metadata.name%3Ds", ",metadata.namespace%3Ddefault"):
            assert (await arena.refused("GET", path + more, b"", 200))["items"] == []


@attack("values of Secrets guessed through field selectors", "CWE-203 observable discrepancy", "list on secrets")
async def _(arena: Arena) -> None:
    for field in ("data.key", "stringData.key", "metadata.uid", "immutable"):
        await arena.refused("GET", f"{SECRETS}?fieldSelector={field}%3Dx", b"", 400, who=ADMIN)


@attack("external IPs by a change, and by a load balancer's status", "CVE-2020-8554", "edit in a namespace")
async def _(arena: Arena) -> None:
    await bind(arena, "edit")
    await arena.made(SERVICES, service("s", selector={"a": "b"}), who=JANE)
    await arena.refused("PATCH", f"{SERVICES}/s", {"spec": {"externalIPs": ["8.8.8.8"]}}, content_type=MERGE)
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "8.8.8.8"}]}}}
    await arena.refused("PATCH", f"{SERVICES}/s/status", status, content_type=MERGE)
    for ip in ("127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"):
        await arena.refused("POST", SERVICES, service("t", externalIPs=[ip]), 403, 422, who=ADMIN)


@attack("another's cluster IP or node port", "CWE-662 taking what is taken", "create on services")
async def _(arena: Arena) -> None:
    await bind(arena, "edit")
    first = await arena.made(SERVICES, service("a", type="NodePort"))
    taken = first["spec"]["clusterIP"]
    await arena.refused("POST", SERVICES, service("b", clusterIP=taken), 422)
    await arena.refused("POST", SERVICES, service("b", clusterIP="8.8.8.8"), 422)
    ports = [{"port": 80, "nodePort": first["spec"]["ports"][0]["nodePort"]}]
    await arena.refused("POST", SERVICES, service("b", type="NodePort", ports=ports), 422)
    await arena.refused("POST", SERVICES, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 22}]), 422)


@attack("endpoints of a slice on loopback and links", "CVE-2021-25737", "create on endpointslices")
async def _(arena: Arena) -> None:
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "e"}}
    for ip in ("127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"):
        body = {**found, "addressType": "IPv4", "endpoints": [{"addresses": [ip]}]}
        await arena.refused("POST", slices, body, 422, who=ADMIN)
    body = {**found, "addressType": "IPv6", "endpoints": [{"addresses": ["::1"]}]}
    await arena.refused("POST", slices, body, 422, who=ADMIN)


@attack("a name outside that an external name leads to", "ExternalName tricks", "create on services")
async def _(arena: Arena) -> None:
    for name in ("169.254.169.254", "a..b", "a b", "http://x", "x\ny"):
        spec = {"type": "ExternalName", "externalName": name}
        status, _ = await arena.world.ask("POST", SERVICES, service("x", **spec))
        assert status == 422 or name == "169.254.169.254", name
    status, _ = await arena.world.ask("GET", f"{SERVICES}/x:80/proxy/")
    assert status in (400, 404, 503), "never gone to"


#: What the default roles do not give in a namespace, as paths.
_BEYOND = {
    "view": (
        ("GET", SECRETS),
        ("POST", PODS),
        ("POST", f"{PODS}/p/exec?command=id"),
        ("GET", f"{PODS}/p/proxy/"),
        ("GET", f"{RBAC}/namespaces/default/roles"),
        ("POST", f"{BASE}/serviceaccounts/default/token"),
    ),
    "edit": (
        ("GET", f"{RBAC}/namespaces/default/rolebindings"),
        ("POST", f"{BASE}/resourcequotas"),
        ("DELETE", "/api/v1/namespaces/default"),
        ("PATCH", "/api/v1/namespaces/default"),
        ("POST", "/api/v1/persistentvolumes"),
    ),
    "admin": (
        ("POST", f"{BASE}/resourcequotas"),
        ("DELETE", f"{BASE}/resourcequotas/q"),
        ("POST", f"{BASE}/limitranges"),
        ("PATCH", "/api/v1/namespaces/default"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/namespaces/kube-system/secrets"),
        ("GET", f"{RBAC}/clusterroles"),
        ("POST", f"{BASE}/endpoints"),
        ("POST", f"{PODS}/p/binding"),
        ("PATCH", f"{PODS}/p/status"),
    ),
}


def _beyond(role: str) -> None:
    @attack(
        f"more than the default role {role} gives", "CWE-269 improper privileges", f"the role {role} in a namespace"
    )
    async def _(arena: Arena) -> None:
        await bind(arena, role)
        for method, path in _BEYOND[role]:
            await arena.refused(method, path, {})


for _role in _BEYOND:
    _beyond(_role)


@attack("a role of one's own grown by a namespace's administrator", "escalate, bind", "the role admin in a namespace")
async def _(arena: Arena) -> None:
    await bind(arena, "admin")
    roles, bindings = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
    for more in (
        {**rule("*", "*"), "apiGroups": ["*"]},
        rule("escalate bind", "roles", RBAC_GROUP),
        rule("create", "endpoints"),
        rule("get", "nodes/proxy"),
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
    ):
        body = {"metadata": {"name": "more"}, "rules": [more]}
        await arena.refused("POST", roles, body, 403, 422)
    me = {"subjects": [{"kind": "User", "name": "jane", "apiGroup": RBAC_GROUP}]}
    for name in ("cluster-admin", "system:node", "system:kube-controller-manager"):
        reference = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name}
        await arena.refused("POST", bindings, {"metadata": {"name": "me"}, "roleRef": reference, **me})


@attack("a default role weakened and kept so", "bootstrap roles", "a careless change of the past")
async def _(arena: Arena) -> None:
    await arena.world.client.delete("ClusterRole", "system:discovery")
    patch: Obj = {"rules": []}
    await arena.world.client.patch("ClusterRole", "system:basic-user", patch=patch)
    await ensure_policy(arena.world.server.backend)
    assert (await arena.world.client.get("ClusterRole", "system:basic-user"))["rules"]
    assert await arena.world.client.get("ClusterRole", "system:discovery")


@attack("an event about another namespace's object", "CWE-345 unverified origin", "create on events")
async def _(arena: Arena) -> None:
    about = {"kind": "Pod", "name": "p", "namespace": "kube-system"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": about}
    await arena.refused("POST", f"{BASE}/events", {**event, "reason": "x", "message": "x"}, 422, who=ADMIN)


@attack("a webhook that refuses its own removal", "webhook loops, lock-out", "create on webhook configurations")
async def _(arena: Arena) -> None:
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}

    def no(request: Obj) -> Obj:
        return {"allowed": False, "status": {"message": "no"}}

    async with reviewing(arena.pki, no) as webhook:
        await configure(arena.world, "Validating", hook(webhook, everything))
        await configure(arena.world, "Mutating", hook(webhook, everything))
        await arena.refused("POST", MAPS, configmap(), 400, who=ADMIN, says="denied the request")
        for kind in ("validating", "mutating"):
            path = f"/apis/{GROUP}/v1/{kind}webhookconfigurations/test"
            status, _ = await arena.world.ask("DELETE", path)
            assert status == 200
        await arena.made(MAPS, configmap())


@attack("a webhook that asks the API server, which asks the webhook", "webhook loops", "a webhook's own account")
async def _(arena: Arena) -> None:
    depth = 0

    async def again(request: Obj) -> Obj:
        nonlocal depth
        depth += 1
        if depth < 100:
            await arena.world.ask("POST", MAPS, configmap(f"c{depth}"))
        return {"allowed": True}

    async with reviewing(arena.pki, again) as webhook:
        await configure(arena.world, "Validating", hook(webhook, timeoutSeconds=1))
        status, _ = await asyncio.wait_for(arena.world.ask("POST", MAPS, configmap()), 60)
        assert status in (201, 500) and depth <= 100
        version, _ = await arena.world.ask("GET", "/version")
        assert version == 200


@attack("mutating webhooks that never agree", "webhook loops", "two webhook configurations")
async def _(arena: Arena) -> None:
    asked = 0

    def more(request: Obj) -> Obj:
        nonlocal asked
        asked += 1
        return patching({"op": "add", "path": "/metadata/labels", "value": {"n": str(asked)}})

    async with reviewing(arena.pki, more) as webhook:
        hooks = [hook(webhook, name=f"h{n}.example.com", reinvocationPolicy="IfNeeded") for n in range(3)]
        await configure(arena.world, "Mutating", *hooks)
        await arena.made(MAPS, configmap())
        assert asked <= 6


@attack("an object renamed or given away by a webhook", "CWE-915 modification of attributes", "a mutating webhook")
async def _(arena: Arena) -> None:
    for path, value in (("/metadata/namespace", "kube-system"), ("/kind", "Secret"), ("/apiVersion", "v2")):

        def rename(request: Obj, path: str = path, value: str = value) -> Obj:
            return patching({"op": "replace", "path": path, "value": value})

        async with reviewing(arena.pki, rename) as webhook:
            await configure(arena.world, "Mutating", hook(webhook), name=value.lower())
            status, _ = await arena.world.ask("POST", MAPS, configmap())
            assert 400 <= status <= 500
            await arena.world.client.delete("MutatingWebhookConfiguration", value.lower())


@attack("a quota spent by requests that are not carried out", "quota races", "create on pods, dry run")
async def _(arena: Arena) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
    await arena.made(f"{BASE}/resourcequotas", quota)
    for number in range(6):
        status, _ = await arena.world.ask("POST", f"{PODS}?dryRun=All", pod(f"d{number}"))
        assert status == 201
    await asyncio.gather(*(arena.world.ask("POST", PODS, {**pod("same"), "spec": {}}) for _ in range(6)))
    await arena.made(PODS, pod("a"))
    await arena.made(PODS, pod("b"))
    await arena.refused("POST", PODS, pod("c"), who=ADMIN, says="exceeded quota")


@attack("a quota raised by its user", "quota tampering", "the role admin in a namespace")
async def _(arena: Arena) -> None:
    await bind(arena, "admin")
    quota: dict[str, Any] = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    await arena.made(f"{BASE}/resourcequotas", {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    raised: Obj = {"spec": {"hard": {"pods": "99"}}, "status": {"used": {"pods": "-9"}}}
    for part in ("", "/status"):
        await arena.refused("PATCH", f"{BASE}/resourcequotas/q{part}", raised, content_type=MERGE)
    await arena.refused("DELETE", f"{BASE}/resourcequotas/q")


@attack("a disruption budget got round", "eviction races", "create on pods/eviction")
async def _(arena: Arena) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}
    await arena.made("/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget)
    made = pod("p")
    made["metadata"]["labels"] = {"a": "b"}
    await arena.made(PODS, made)
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    await arena.world.client.patch("Pod", "p", "default", patch=running, subresource="status")
    await grant(arena.world, "evictor", rule("create", "pods/eviction"))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    await arena.refused("POST", f"{PODS}/p/eviction", eviction, 429)
    await arena.refused("DELETE", f"{PODS}/p")
