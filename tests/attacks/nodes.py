"""Attacks by a node that is no longer its owner's: what a kubelet's certificate is good for, and what not."""

from __future__ import annotations

from typing import Any

from tests.attacks.table import BASE, MERGE, NODE, PODS, SECRET, SECRETS, Arena, Obj, attack
from tests.unit.apiserver.world import ADMIN, pod

MIRROR = {"kubernetes.io/config.mirror": "x"}


async def two_nodes(arena: Arena) -> None:
    for name in ("n1", "n2"):
        await arena.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})


def mirror(name: str = "m", **spec: Any) -> Obj:
    made = pod(name, nodeName="n1", **spec)
    made["metadata"]["annotations"] = MIRROR
    return made


def container(**fields: Any) -> list[Obj]:
    return [{"name": "a", "image": "i", **fields}]


@attack(
    "a Secret by a mirror pod that refers to it", "CVE-2025-4563's class, Node authorizer", "a kubelet's certificate"
)
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(SECRETS, SECRET)
    key = {"name": "s", "key": "key"}
    for spec in (
        {"containers": container(env=[{"name": "A", "valueFrom": {"secretKeyRef": key}}])},
        {"containers": container(envFrom=[{"secretRef": {"name": "s"}}])},
        {"containers": container(envFrom=[{"configMapRef": {"name": "s"}}])},
        {"containers": container(env=[{"name": "A", "valueFrom": {"configMapKeyRef": key}}])},
        {"containers": container(), "initContainers": container(envFrom=[{"secretRef": {"name": "s"}}])},
        {"imagePullSecrets": [{"name": "s"}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]},
        {"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "s"}}}]},
        {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]},
        {"resourceClaims": [{"name": "c", "resourceClaimName": "s"}]},
        {"serviceAccountName": "default"},
    ):
        await arena.refused("POST", PODS, mirror(**spec), 403, 422, who=NODE)
        await arena.refused("GET", f"{SECRETS}/s", who=NODE)


@attack("its own Node given an owner, so that it is deleted and made anew", "CVE-2025-5187", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}]
    patch = {"metadata": {"ownerReferences": owners}}
    says = 'node "n1" is not allowed to modify ownerReferences'
    await arena.refused("PATCH", "/api/v1/nodes/n1", patch, who=NODE, content_type=MERGE, says=says)
    await arena.refused("PATCH", "/api/v1/nodes/n1/status", patch, 200, 403, who=NODE, content_type=MERGE)
    assert "ownerReferences" not in (await arena.world.client.get("Node", "n1"))["metadata"]


@attack("its own Node deleted", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    for name in ("n1", "n2"):
        await arena.refused("DELETE", f"/api/v1/nodes/{name}", who=NODE)
    await arena.refused("DELETE", "/api/v1/nodes", who=NODE)


@attack("labels that draw pods of others", "NodeRestriction label tampering", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    for label in ("node-restriction.kubernetes.io/team", "node-role.kubernetes.io/control-plane", "x.k8s.io/y"):
        patch = {"metadata": {"labels": {label: "x"}}}
        for part in ("", "/status"):
            await arena.world.ask("PATCH", f"/api/v1/nodes/n1{part}", patch, who=NODE, content_type=MERGE)
        assert label not in ((await arena.world.client.get("Node", "n1"))["metadata"].get("labels") or {})


@attack("taints taken off by the way of its status", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await arena.world.client.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n1"},
            "spec": {"taints": [{"key": "quarantine", "effect": "NoExecute"}], "unschedulable": True},
        }
    )
    for part in ("", "/status"):
        await arena.world.ask(
            "PATCH", f"/api/v1/nodes/n1{part}", {"spec": {"taints": []}}, who=NODE, content_type=MERGE
        )
    assert (await arena.world.client.get("Node", "n1"))["spec"]["taints"][0]["key"] == "quarantine"


@attack("what other nodes tell of their storage and devices", "node impersonation", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    csi = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n2"}, "spec": {"drivers": []}}
    await arena.refused("POST", "/apis/storage.k8s.io/v1/csinodes", csi, who=NODE)
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n2"}, "spec": {}}
    await arena.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-node-lease"}})
    await arena.refused("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease, who=NODE)
    await arena.refused("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", lease, who=NODE)
    pool = {"name": "n2", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "d.example.com", "nodeName": "n2", "pool": pool, "devices": []}
    slices = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "r"}, "spec": spec}
    await arena.refused("POST", "/apis/resource.k8s.io/v1/resourceslices", slices, who=NODE)


@attack("pods of other nodes moved, ended or called dead", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(PODS, pod("other", nodeName="n2"))
    failed = {"status": {"phase": "Failed"}}
    await arena.refused("PATCH", f"{PODS}/other/status", failed, who=NODE, content_type=MERGE)
    await arena.refused("DELETE", f"{PODS}/other", who=NODE)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}}
    await arena.refused("POST", f"{PODS}/other/eviction", eviction, who=NODE)
    await arena.refused("GET", f"{PODS}/other", who=NODE)
    await arena.refused("GET", PODS, who=NODE)


@attack("a pod of its own given to a Service by labels", "CVE-2021-25740's class", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(PODS, pod("own", nodeName="n1"))
    patch = {"metadata": {"labels": {"app": "bank"}}}
    await arena.refused("PATCH", f"{PODS}/own/status", patch, 200, 403, who=NODE, content_type=MERGE)
    assert not (await arena.world.client.get("Pod", "own", "default"))["metadata"].get("labels")


@attack("more containers in a pod that runs", "ephemeral containers, NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(PODS, pod("own", nodeName="n1"))
    for part in ("ephemeralcontainers", "resize", "binding", "exec", "token"):
        await arena.refused("PATCH", f"{PODS}/own/{part}", {"spec": {}}, 403, 404, 405, who=NODE, content_type=MERGE)


@attack("a pod of a user that pretends to be a node's own", "mirror pods", "create on pods")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    made = pod("m")
    made["metadata"]["annotations"] = MIRROR
    await arena.refused("POST", PODS, made, 403, 422)
    await arena.made(PODS, pod("p"))
    patch = {"metadata": {"annotations": MIRROR}}
    await arena.refused("PATCH", f"{PODS}/p", patch, 422, who=ADMIN, content_type=MERGE)


@attack("a token of an account that its pods do not use", "token leakage", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(f"{BASE}/serviceaccounts", {"kind": "ServiceAccount", "metadata": {"name": "boss"}})
    found = await arena.made(PODS, pod("own", nodeName="n1"))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "own", "uid": found["metadata"]["uid"]}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    for spec in ({"boundObjectRef": bound}, {}):
        await arena.refused("POST", f"{BASE}/serviceaccounts/boss/token", {**request, "spec": spec}, who=NODE)
    await arena.refused("POST", f"{BASE}/serviceaccounts/default/token", {**request, "spec": {}}, who=NODE)
    wide = {**request, "spec": {"boundObjectRef": bound, "audiences": ["https://elsewhere.example.com"]}}
    await arena.refused("POST", f"{BASE}/serviceaccounts/boss/token", wide, who=NODE)
