"""Attacks on what somebody may do: rights that nobody gave, rights made of other rights, doors beside the checked
one."""

from __future__ import annotations

from podo.http.message import Response
from tests.attacks.table import JANE, MERGE, PODS, SECRET, SECRETS, SERVICES, Arena, Obj, attack
from tests.attacks.workloads import level
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import certificate, pod, text_of

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
ROLES = f"{RBAC}/namespaces/default/roles"


@attack("resources without credentials", "anonymous access", "nothing but the address")
async def _(arena: Arena) -> None:
    for target in (PODS, SECRETS, "/api/v1/nodes", "/api/v1/namespaces", "/metrics", "/apis", "/openapi/v2"):
        await arena.refused("GET", target, who=None)
    await arena.refused("POST", PODS, pod("p"), who=None)


@attack("acting as another without credentials", "anonymous access, impersonation", "nothing but the address")
async def _(arena: Arena) -> None:
    await arena.refused("GET", SECRETS, who=None, impersonate_user="kubernetes-admin")
    await arena.refused("GET", SECRETS, b"", 400, 403, who=None, impersonate_group="system:masters")


@attack("rights that nobody has given", "CWE-276 incorrect default permissions", "an identity without roles")
async def _(arena: Arena) -> None:
    for method, target in (("GET", SECRETS), ("GET", PODS), ("DELETE", "/api/v1/namespaces/default")):
        await arena.refused(method, target)


@attack("acting as a group by the right to act as a user", "impersonation", "impersonate one user")
async def _(arena: Arena) -> None:
    await grant(arena.world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    await arena.refused("GET", SECRETS, impersonate_user="max", impersonate_group="system:masters")


@attack("acting with a uid or extra fields of one's choice", "impersonation", "impersonate users")
async def _(arena: Arena) -> None:
    await grant(arena.world, "actor", rule("impersonate", "users"))
    await arena.refused("GET", SECRETS, impersonate_user="max", impersonate_uid="1")
    await arena.refused("GET", SECRETS, impersonate_user="max", impersonate_extra_scopes="all")


@attack("acting as a node or as another's service account", "impersonation, node impersonation", "impersonate one user")
async def _(arena: Arena) -> None:
    await grant(arena.world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    await arena.refused("GET", "/api/v1/nodes", impersonate_user="system:node:n1")
    await arena.refused("GET", SECRETS, impersonate_user="system:serviceaccount:kube-system:default")


@attack("more rights by writing a Role", "RBAC escalation", "create and update on roles")
async def _(arena: Arena) -> None:
    await grant(arena.world, "manager", rule("create update patch get", "roles", GROUP))
    everything = {"metadata": {"name": "all"}, "rules": [rule("*", "*")]}
    await arena.refused("POST", ROLES, everything, says="attempting to grant RBAC permissions not currently held")
    await arena.made(ROLES, {"metadata": {"name": "empty"}, "rules": []}, who=JANE)
    await arena.refused("PATCH", f"{ROLES}/empty", {"rules": [rule("*", "*")]}, content_type=MERGE)


@attack("more rights by binding a role one does not hold", "RBAC escalation, bind", "create on bindings")
async def _(arena: Arena) -> None:
    await grant(arena.world, "binder", rule("create", "rolebindings clusterrolebindings", GROUP))
    admin = {"kind": "ClusterRole", "name": "cluster-admin"}
    me = {"metadata": {"name": "me"}, "roleRef": admin, "subjects": [{"kind": "User", "name": "jane"}]}
    await arena.refused("POST", f"{RBAC}/namespaces/default/rolebindings", me)
    await arena.refused("POST", f"{RBAC}/clusterrolebindings", me)


@attack("more rights by a role that others are made of", "aggregation escalation", "create on clusterroles")
async def _(arena: Arena) -> None:
    await grant(arena.world, "manager", rule("create patch get", "clusterroles", GROUP))
    rules = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    await arena.refused("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "sum"}, **rules})
    labels = {f"{GROUP}/aggregate-to-view": "true"}
    more = {"metadata": {"name": "into-view", "labels": labels}, "rules": [rule("get", "secrets")]}
    await arena.refused("POST", f"{RBAC}/clusterroles", more)


@attack("more rights by a label on a role of others", "aggregation escalation", "update on clusterroles")
async def _(arena: Arena) -> None:
    await grant(arena.world, "manager", rule("patch update get", "clusterroles", GROUP))
    await arena.made(f"{RBAC}/clusterroles", {"metadata": {"name": "strong"}, "rules": [rule("get", "secrets")]})
    patch = {"metadata": {"labels": {f"{GROUP}/aggregate-to-view": "true"}}}
    says = "is attempting to grant RBAC permissions not currently held"
    await arena.refused("PATCH", f"{RBAC}/clusterroles/strong", patch, content_type=MERGE, says=says)
    finalizers = {"metadata": {"finalizers": ["example.com/x"]}}  # what a collector writes gives nobody anything
    await arena.refused("PATCH", f"{RBAC}/clusterroles/strong", finalizers, 200, content_type=MERGE)


@attack("more rights by changing a binding's role in place", "RBAC escalation", "update on clusterrolebindings")
async def _(arena: Arena) -> None:
    await grant(arena.world, "manager", rule("patch update get", "clusterrolebindings", GROUP))
    patch = {"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"}}
    await arena.refused("PATCH", f"{RBAC}/clusterrolebindings/manager", patch, 403, 422, content_type=MERGE)


@attack("objects of the cluster through a namespace's path", "CVE-2019-11247", "all rights in one group")
async def _(arena: Arena) -> None:
    await grant(arena.world, "all", rule("*", "*", GROUP))
    await arena.refused("GET", f"{RBAC}/namespaces/default/clusterroles", b"", 403, 404)
    await arena.refused("GET", "/api/v1/namespaces/default/nodes", b"", 403, 404)


@attack(
    "exec, attach and port-forward with the right to read pods",
    "exec, attach and proxy verbs",
    "get and create on pods",
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get list watch create update", "pods pods/log"))
    await arena.made(PODS, pod("p"), who=JANE)
    for subresource in ("exec?command=sh", "attach", "portforward"):
        for method in ("GET", "POST"):
            await arena.refused(method, f"{PODS}/p/{subresource}")


@attack(
    "exec by a WebSocket's GET with the right to read everything", "exec, attach and proxy verbs", "get on everything"
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get list watch", "*"))
    await arena.made(PODS, pod("p"))
    for subresource in ("exec", "attach", "portforward"):
        says = f'cannot create resource "pods/{subresource}"'
        await arena.refused("GET", f"{PODS}/p/{subresource}?command=sh", says=says)


@attack(
    "a node's kubelet with the right to read nodes",
    "exec, attach and proxy verbs, nodes/proxy",
    "get on nodes, pods and services",
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get list", "nodes pods services"))
    await arena.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    await arena.refused("GET", "/api/v1/nodes/n1/proxy/pods")
    await arena.refused("GET", f"{SERVICES}/s/proxy/")
    await arena.refused("GET", f"{PODS}/p/proxy/")


@attack(
    "exec by an upgrade through a node's proxy",
    "exec, attach and proxy verbs, nodes/proxy",
    "get and update on nodes/proxy",
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "scraper", rule("get update patch", "nodes/proxy"))
    await arena.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    target = "/api/v1/nodes/n1/proxy/exec/default/p/a?command=sh"
    for method in ("GET", "PUT"):
        says = 'cannot create resource "nodes/proxy"'
        await arena.refused(method, target, says=says, connection="Upgrade", upgrade="websocket")


@attack("a pod bound to a node of one's choice", "CWE-863 incorrect authorization", "create and update on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create get update patch", "pods"))
    await arena.made(PODS, pod("p"), who=JANE)
    target = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await arena.refused("POST", f"{PODS}/p/binding", {"apiVersion": "v1", "kind": "Binding", **target})
    await arena.refused("PATCH", f"{PODS}/p", {"spec": {"nodeName": "n1"}}, 422, content_type=MERGE)


@attack(
    "a running pod given another service account or more rights", "Pod Security bypass by an update", "update on pods"
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create get update patch", "pods"))
    await arena.made(PODS, pod("p"), who=JANE)
    spec: Obj
    for spec in ({"serviceAccountName": "admin"}, {"hostNetwork": True}, {"volumes": []}):
        await arena.refused("PATCH", f"{PODS}/p", {"spec": spec}, 422, content_type=MERGE)


@attack("a status written with the right to write the object", "CWE-863 incorrect authorization", "update on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "maker", rule("create get update patch", "pods"))
    await arena.made(PODS, pod("p"), who=JANE)
    await arena.refused("PATCH", f"{PODS}/p/status", {"status": {"phase": "Failed"}}, content_type=MERGE)
    status, answer = await arena.world.ask(
        "PATCH", f"{PODS}/p", {"status": {"phase": "Failed"}}, who=JANE, content_type=MERGE
    )
    assert status == 200 and answer["status"]["phase"] == "Pending"


@attack(
    "a weaker Pod Security by a namespace's own administrator",
    "Pod Security bypass by labels",
    "everything in a namespace but itself",
)
async def _(arena: Arena) -> None:
    await level(arena, "restricted")
    await grant(arena.world, "editor", rule("*", "pods configmaps services deployments"))
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    await arena.refused("PATCH", "/api/v1/namespaces/default", label, content_type=MERGE)


@attack("a refusal that tells what exists", "CWE-203 observable discrepancy", "an identity without roles")
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, SECRET)
    there = await arena.world.answer("GET", f"{SECRETS}/s", who=JANE)
    absent = await arena.world.answer("GET", f"{SECRETS}/t", who=JANE)
    assert isinstance(there, Response) and isinstance(absent, Response)
    assert text_of(there).replace(b'"s"', b"").replace(b'\\"s\\"', b"") == text_of(absent).replace(b'"t"', b"").replace(
        b'\\"t\\"', b""
    )


@attack(
    "a Secret read by a list or a watch with the right to get one",
    "CWE-863 incorrect authorization",
    "get on one secret",
)
async def _(arena: Arena) -> None:
    await arena.made(SECRETS, SECRET)
    await grant(arena.world, "one", rule("get", "secrets", resourceNames=["other"]))
    await arena.refused("GET", f"{SECRETS}/s")
    await arena.refused("GET", SECRETS)
    await arena.refused("GET", f"{SECRETS}?watch=true&fieldSelector=metadata.name%3Ds")


@attack("a controller's work beyond its role", "confused deputy, least privilege", "a controller's account")
async def _(arena: Arena) -> None:
    """Each acts as an account of its own: who has one of them in hand has that one's rights, not all."""
    await arena.made(SECRETS, SECRET)
    for name in ("deployment-controller", "replicaset-controller", "job-controller", "endpoint-controller"):
        who = certificate(f"system:serviceaccount:kube-system:{name}")
        await arena.refused("GET", SECRETS, who=who)
        await arena.refused("POST", f"{RBAC}/clusterrolebindings", {"metadata": {"name": "x"}}, who=who)
    await arena.refused("POST", PODS, pod("p"), who=certificate("system:kube-controller-manager"))
    await arena.refused("GET", SECRETS, who=certificate("system:kube-scheduler"))


@attack("objects of a custom kind by the path of another", "CVE-2022-3162", "get on one custom kind")
async def _(arena: Arena) -> None:
    group = "stable.example.com"
    await grant(arena.world, "reader", rule("get list watch", "crontabs", group))
    base = f"/apis/{group}/v1/namespaces/default/crontabs"
    for path in ("..%2fother%2fx", "%2e%2e%2fother%2fx", "..", "..%2f..%2fother", "../other/x", "x%2f..%2fy"):
        for query in ("", "?watch=true", "?limit=1"):
            await arena.refused("GET", f"{base}/{path}{query}", b"", 400, 403, 404)
