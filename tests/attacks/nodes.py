"""Attacks by a node that is no longer its owner's: what a kubelet's certificate is good for, and what not."""

from __future__ import annotations

from typing import Any

from tests.attacks.table import BASE, MERGE, NODE, PODS, SECRET, SECRETS, Arena, Obj, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import ADMIN, certificate, pod

MIRROR = {"kubernetes.io/config.mirror": "x"}


async def two_nodes(arena: Arena) -> None:
    for name in ("n1", "n2"):
        await arena.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})


async def mirror(arena: Arena, **spec: Any) -> Obj:
    """A pod of the node ``n1`` itself."""
    uid = (await arena.world.client.get("Node", "n1"))["metadata"]["uid"]
    made = pod("m", nodeName="n1", **spec)
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": True}
    made["metadata"] |= {"annotations": MIRROR, "ownerReferences": [owner]}
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
        await arena.refused("POST", PODS, await mirror(arena, **spec), 403, 422, who=NODE)
        await arena.refused("GET", f"{SECRETS}/s", who=NODE)
    await arena.made(PODS, await mirror(arena), who=NODE)


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


@attack("a pod of its own that others go with", "NodeRestriction, owners of mirror pods", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    other = (await arena.world.client.get("Node", "n2"))["metadata"]["uid"]
    for change, says in (
        ({"name": "n2", "uid": other}, 'node "n1" can only create pods with an owner reference set to itself'),
        ({"uid": other}, "node n1 UID mismatch"),
        ({"controller": False}, "with a controller owner reference set to itself"),
        ({"blockOwnerDeletion": True}, "must not set blockOwnerDeletion"),
        ({"kind": "ConfigMap"}, "with an owner reference set to itself"),
    ):
        made = await mirror(arena)
        made["metadata"]["ownerReferences"][0] |= change
        await arena.refused("POST", PODS, made, who=NODE, says=says)
    made = await mirror(arena)
    second = {"apiVersion": "v1", "kind": "Node", "name": "n2", "uid": other}
    made["metadata"]["ownerReferences"].append(second)
    await arena.refused("POST", PODS, made, who=NODE, says="with a single owner reference set to itself")
    made["metadata"]["ownerReferences"] = []
    await arena.refused("POST", PODS, made, who=NODE, says="with an owner reference set to itself")


@attack(
    "all Secrets and pods by a comma within a value", "CWE-436 two readings of a selector", "a kubelet's certificate"
)
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(SECRETS, SECRET)
    await arena.made(SECRETS, {**SECRET, "metadata": {"name": "mine"}})
    volumes = [{"name": "v", "secret": {"secretName": "mine"}}]
    await arena.made(PODS, pod("own", nodeName="n1", volumes=volumes))
    for watch in ("", "watch=1&"):
        await arena.refused(
            "GET", f"{SECRETS}?{watch}fieldSelector=metadata.name!%3Dx%5C%2Cmetadata.name%3Dmine", who=NODE
        )
        pods = f"/api/v1/pods?{watch}fieldSelector=metadata.name!%3Dx%5C%2Cspec.nodeName%3Dn1"
        await arena.refused("GET", pods, who=NODE, says="can only list/watch pods with spec.nodeName field selector")
    found = await arena.refused("GET", f"{SECRETS}?fieldSelector=metadata.name%3Dmine", b"", 200, who=NODE)
    assert [secret["metadata"]["name"] for secret in found["items"]] == ["mine"]


@attack("pods, Nodes and Leases as a node without a name", "node impersonation", "a certificate for system:node:")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    nameless = certificate("system:node:", "system:nodes")
    await arena.made(PODS, pod("waiting"))
    for path in ("/api/v1/nodes", "/api/v1/pods", "/api/v1/pods?fieldSelector=spec.nodeName%3D", f"{PODS}/waiting"):
        await arena.refused("GET", path, who=nameless, says="unknown node for user")
    await arena.refused("DELETE", f"{PODS}/waiting", who=nameless, says="unknown node for user")
    await arena.refused("POST", "/api/v1/nodes", {"kind": "Node", "metadata": {"name": "n3"}}, who=nameless)


@attack("pods of other nodes by the way of their status", "Node authorizer", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(PODS, pod("other", nodeName="n2"))
    await arena.refused("GET", f"{PODS}/other/status", who=NODE)
    await arena.refused("GET", "/api/v1/nodes/n2/status", who=NODE)


@attack("volumes, attachments and devices of other nodes", "Node authorizer", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    volume: Obj = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}}
    volume["spec"] = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}}
    volume["spec"]["claimRef"] = {"namespace": "default", "name": "data"}
    await arena.made("/api/v1/persistentvolumes", volume)
    attachment: Obj = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "a"}}
    attachment["spec"] = {"attacher": "d.example.com", "nodeName": "n2", "source": {"persistentVolumeName": "v"}}
    await arena.made("/apis/storage.k8s.io/v1/volumeattachments", attachment)
    pool = {"name": "n2", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "d.example.com", "nodeName": "n2", "pool": pool, "devices": []}
    slices = "/apis/resource.k8s.io/v1/resourceslices"
    made = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "r"}, "spec": spec}
    await arena.made(slices, made)
    hers = ("/api/v1/persistentvolumes/v", "/apis/storage.k8s.io/v1/volumeattachments/a", f"{slices}/r")
    for path in hers:
        await arena.refused("GET", path, who=NODE, says="no relationship found between node")
    for method in ("GET", "DELETE"):
        await arena.refused(method, slices, who=NODE, says="resourceslices with nodeName field selector")
        await arena.refused(method, f"{slices}?fieldSelector=spec.nodeName%3Dn2", who=NODE)
    claims = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    await arena.made(PODS, pod("own", nodeName="n2", volumes=claims))
    for path in hers:
        await arena.refused("GET", path, b"", 200, who=certificate("system:node:n2", "system:nodes"))


@attack("a claim marked, or freed, by the way of its status", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    claims = f"{BASE}/persistentvolumeclaims"
    claim: Obj = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await arena.made(claims, claim)
    await arena.made(
        PODS, pod("own", nodeName="n1", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    )
    for patch in (
        {"metadata": {"finalizers": None}},
        {"metadata": {"labels": {"a": "b"}}},
        {"status": {"phase": "Lost"}},
    ):
        await arena.refused("PATCH", f"{claims}/data/status", patch, 200, 403, who=NODE, content_type=MERGE)
    found = await arena.world.client.get("PersistentVolumeClaim", "data", "default")
    assert (
        found["metadata"]["finalizers"] and "labels" not in found["metadata"] and found["status"]["phase"] == "Pending"
    )
    grown = {"status": {"capacity": {"storage": "2Gi"}}}
    await arena.refused("PATCH", f"{claims}/data/status", grown, 200, who=NODE, content_type=MERGE)
    await arena.refused("PATCH", f"{claims}/data", {"metadata": {"labels": {"a": "b"}}}, who=NODE, content_type=MERGE)


@attack("claims of others called its pod's own", "Node authorizer, ResourceClaims", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    await arena.made(PODS, pod("own", nodeName="n1"))
    hers = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/hers"
    for status in (
        {"resourceClaimStatuses": [{"name": "x", "resourceClaimName": "hers"}]},
        {"extendedResourceClaimStatus": {"resourceClaimName": "hers", "requestMappings": []}},
    ):
        await arena.refused("PATCH", f"{PODS}/own/status", {"status": status}, 403, 422, who=NODE, content_type=MERGE)
        await arena.refused("GET", hers, who=NODE)


@attack(
    "a token for an audience that its pod does not use",
    "ServiceAccountNodeAudienceRestriction",
    "a kubelet's certificate",
)
async def _(arena: Arena) -> None:
    await two_nodes(arena)
    tokens = f"{BASE}/serviceaccounts/default/token"
    vault = {"serviceAccountToken": {"path": "t", "audience": "vault"}}
    volumes = [{"name": "t", "projected": {"sources": [vault]}}]
    found = await arena.made(PODS, pod("own", nodeName="n1", serviceAccountName="default", volumes=volumes))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "own", "uid": found["metadata"]["uid"]}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    for audiences in ([], ["vault"]):
        spec = {"boundObjectRef": bound, "audiences": audiences}
        await arena.made(tokens, {**request, "spec": spec}, who=NODE)
    for audiences in (["https://elsewhere.example.com"], ["vault", "https://elsewhere.example.com"]):
        spec = {"boundObjectRef": bound, "audiences": audiences}
        await arena.refused("POST", tokens, {**request, "spec": spec}, who=NODE, says="audience")


@attack(
    "devices allocated, or told of for others, by who may write a claim's status",
    "DRA status authorization",
    "update on resourceclaims/status",
)
async def _(arena: Arena) -> None:
    group = "resource.k8s.io"
    await grant(arena.world, "driver", rule("get patch update", "resourceclaims/status", group))
    await grant(
        arena.world, "own", rule("arbitrary-node:patch", "resourceclaims/driver", group, resourceNames=["mine"])
    )
    exactly = {"exactly": {"deviceClassName": "c"}, "name": "r"}
    claim = {"apiVersion": f"{group}/v1", "kind": "ResourceClaim", "metadata": {"name": "x"}}
    claims = f"/apis/{group}/v1/namespaces/default/resourceclaims"
    await arena.made(claims, {**claim, "spec": {"devices": {"requests": [exactly]}}})
    results = [{"request": "r", "driver": driver, "pool": "p", "device": "d"} for driver in ("mine", "hers")]
    allocation = {"status": {"allocation": {"devices": {"results": results}}}}
    says = 'requires resource="resourceclaims/binding", verb="patch" permission'
    await arena.refused("PATCH", f"{claims}/x/status", allocation, 422, content_type=MERGE, says=says)
    await arena.refused("PATCH", f"{claims}/x/status", allocation, 200, who=ADMIN, content_type=MERGE)
    for driver, code in (("hers", 422), ("mine", 200)):
        told = {"status": {"devices": [{"driver": driver, "pool": "p", "device": "d"}]}}
        await arena.refused("PATCH", f"{claims}/x/status", told, code, content_type=MERGE)
