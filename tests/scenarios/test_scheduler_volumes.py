"""Pods and their volumes: where claims can be used, what is bound when a node is chosen, and what keeps pods waiting.
The test plays the part of the provisioner."""

from __future__ import annotations

from functools import partial
from typing import Any

from podo.api.meta import annotations_of, condition_of, name_of
from podo.lab import World

ZONE = "topology.kubernetes.io/zone"
SELECTED = "volume.kubernetes.io/selected-node"


def pod(name: str, *claims: str) -> dict[str, Any]:
    volumes = [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": claim}} for i, claim in enumerate(claims)]
    spec = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def claim(name: str, class_: str = "wait", mode: str = "ReadWriteOnce", size: str = "1Gi") -> dict[str, Any]:
    spec = {"storageClassName": class_, "accessModes": [mode], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def volume(name: str, node: str = "", size: str = "1Gi", **fields: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "wait",
        "csi": {"driver": "example.com", "volumeHandle": name},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    if node:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    metadata = {"name": name, **fields}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def storage_class(name: str, provisioner: str = "example.com", wait: bool = True, **fields: Any) -> dict[str, Any]:
    mode = "WaitForFirstConsumer" if wait else "Immediate"
    base = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**base, "provisioner": provisioner, "volumeBindingMode": mode, **fields}


def available(world: World, *names: str) -> None:
    for name in names:
        world.wait_until(partial(has_phase, world, "PersistentVolume", name, "Available"))


def has_phase(world: World, kind: str, name: str, phase: str) -> bool:
    return bool(world.get(kind, name)["status"]["phase"] == phase)


def bind(world: World, claim_name: str, volume_name: str) -> None:
    """Keep the volume for the claim, and wait until they are bound."""
    reference = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": claim_name}
    world.run(world.client.patch("PersistentVolume", volume_name, patch={"spec": {"claimRef": reference}}))
    world.wait_until(partial(has_phase, world, "PersistentVolumeClaim", claim_name, "Bound"))


def node_of(world: World, name: str) -> str:
    return str(world.get("Pod", name)["spec"].get("nodeName") or "")


def said(world: World, name: str) -> str:
    def message() -> str:
        condition = condition_of(world.get("Pod", name), "PodScheduled")
        return str(condition["message"]) if condition and condition["status"] == "False" else ""

    return str(world.wait_until(message, within=30))


def test_a_claim_that_is_missing_or_must_be_bound_first() -> None:
    with World(nodes=1) as world:
        world.apply(
            [storage_class("now", wait=False), claim("unbound", "now"), pod("a", "absent"), pod("b", "unbound")]
        )
        assert 'persistentvolumeclaim "absent" not found' in said(world, "a")
        assert "pod has unbound immediate PersistentVolumeClaims" in said(world, "b")
        world.apply(volume("pv", "node-0"))
        bind(world, "unbound", "pv")
        world.wait_until(lambda: node_of(world, "b"), within=30)


def test_a_bound_volume_decides_the_node() -> None:
    with World(nodes=3) as world:
        world.apply([storage_class("wait"), volume("pv", "node-2"), claim("data")])
        bind(world, "data", "pv")
        world.apply(pod("p", "data"))
        world.wait_until(lambda: node_of(world, "p") == "node-2", within=30)
        world.run(world.client.patch("Node", "node-2", patch={"spec": {"unschedulable": True}}))
        world.apply(pod("q", "data"))
        assert "2 node(s) didn't match PersistentVolume's node affinity" in said(world, "q")


def test_the_smallest_free_volume_that_reaches_a_node_is_reserved() -> None:
    with World(nodes=2) as world:
        local = storage_class("wait", "kubernetes.io/no-provisioner")
        world.apply([local, volume("big", "node-1", "5Gi"), volume("fit", "node-1", "2Gi"), volume("small", "node-0")])
        available(world, "big", "fit", "small")
        world.apply([claim("data", size="2Gi"), claim("huge", size="50Gi"), pod("p", "data"), pod("q", "huge")])

        def reserved() -> bool:
            reference = world.get("PersistentVolume", "fit")["spec"].get("claimRef") or {}
            return reference.get("uid") == world.get("PersistentVolumeClaim", "data")["metadata"]["uid"]

        world.wait_until(reserved, within=30)
        assert "2 node(s) didn't find available persistent volumes to bind" in said(world, "q")
        world.wait_until(lambda: node_of(world, "p") == "node-1", within=30)


def test_a_provisioner_is_told_the_node_and_may_refuse_it() -> None:
    with World(nodes=3) as world:
        world.run(world.client.patch("Node", "node-1", patch={"metadata": {"labels": {ZONE: "b"}}}))
        terms = [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}]
        world.apply([storage_class("wait", allowedTopologies=terms), claim("data"), pod("p", "data")])

        def selected() -> str:
            return annotations_of(world.get("PersistentVolumeClaim", "data")).get(SELECTED, "")

        assert world.wait_until(selected, within=30) == "node-1"
        world.run(world.client.patch("PersistentVolumeClaim", "data", "default", patch=_without_node()))
        world.wait_until(selected, within=30)
        failed = [event["message"] for event in world.events("p") if event["reason"] == "FailedScheduling"]
        assert failed and failed[-1].startswith('running PreBind plugin "VolumeBinding": binding volumes: provisioning')
        world.apply(volume("made", "node-1"))
        bind(world, "data", "made")
        world.wait_until(lambda: node_of(world, "p") == "node-1", within=30)


def _without_node() -> dict[str, Any]:
    return {"metadata": {"annotations": {SELECTED: None}}}


def test_pods_that_share_a_claim_go_where_its_first_consumer_went() -> None:
    with World(nodes=3) as world:
        world.apply([storage_class("wait"), claim("data"), *(pod(f"p{number}", "data") for number in range(3))])

        def selected() -> str:
            return annotations_of(world.get("PersistentVolumeClaim", "data")).get(SELECTED, "")

        node = world.wait_until(selected, within=30)
        world.apply(volume("made", node))
        bind(world, "data", "made")
        world.wait_until(lambda: {node_of(world, f"p{number}") for number in range(3)} == {node}, within=60)


def test_one_pod_at_a_time() -> None:
    with World(nodes=2) as world:
        disk = volume("pv")
        disk["spec"]["accessModes"] = ["ReadWriteOncePod"]
        world.apply([storage_class("wait"), disk, claim("only", mode="ReadWriteOncePod")])
        bind(world, "only", "pv")
        world.apply(pod("first", "only"))
        world.wait_until(lambda: node_of(world, "first"), within=30)
        world.apply(pod("second", "only"))
        text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
        assert f"2 {text}" in said(world, "second")
        world.delete("Pod", "first")
        world.wait_until(lambda: node_of(world, "second"), within=120)


def test_zones_of_volumes() -> None:
    with World(nodes=2) as world:
        for node, zone in (("node-0", "a"), ("node-1", "b")):
            world.run(world.client.patch("Node", node, patch={"metadata": {"labels": {ZONE: zone}}}))
        world.apply([storage_class("wait"), volume("pv", labels={ZONE: "b__c"}), claim("data")])
        bind(world, "data", "pv")
        world.apply(pod("p", "data"))
        world.wait_until(lambda: node_of(world, "p") == "node-1", within=30)


def test_a_node_takes_as_many_volumes_as_its_driver_can_attach() -> None:
    with World(nodes=1) as world:
        driver = {"name": "example.com", "nodeID": "n", "topologyKeys": [], "allocatable": {"count": 2}}
        csi = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "node-0"}}
        world.apply([storage_class("wait"), {**csi, "spec": {"drivers": [driver]}}])
        for number in range(3):
            world.apply([volume(f"pv{number}"), claim(f"c{number}")])
            bind(world, f"c{number}", f"pv{number}")
        world.apply([pod("a", "c0", "c1"), pod("same", "c0")])
        world.wait_until(lambda: node_of(world, "a") and node_of(world, "same"), within=30)
        world.apply(pod("more", "c2"))
        assert "1 node(s) exceed max volume count" in said(world, "more")


def test_a_volume_that_is_attached_still_counts_until_it_is_detached() -> None:
    with World(nodes=1) as world:
        driver = {"name": "example.com", "nodeID": "n", "topologyKeys": [], "allocatable": {"count": 1}}
        csi = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "node-0"}}
        world.apply([storage_class("wait"), {**csi, "spec": {"drivers": [driver]}}])
        for name in ("gone", "here"):
            world.apply([volume(f"pv-{name}"), claim(name)])
            bind(world, name, f"pv-{name}")
        attachment = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "a"}}
        source = {"persistentVolumeName": "pv-gone"}
        world.apply({**attachment, "spec": {"attacher": "example.com", "nodeName": "node-0", "source": source}})
        world.apply(pod("p", "here"))
        assert "1 node(s) exceed max volume count" in said(world, "p")
        world.apply(pod("its", "gone"))  # counts once: it is attached already
        world.wait_until(lambda: node_of(world, "its"), within=30)
        world.run(world.client.delete("Pod", "its", "default", grace_seconds=0))
        assert not node_of(world, "p")
        world.run(world.client.delete("VolumeAttachment", "a"))
        world.wait_until(lambda: node_of(world, "p"), within=30)


def test_storage_capacity_that_is_published_counts() -> None:
    with World(nodes=2) as world:
        csi = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "example.com"}}
        topology = {"matchLabels": {"kubernetes.io/hostname": "node-1"}}
        capacity = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIStorageCapacity",
            "metadata": {"name": "left"},
            "storageClassName": "wait",
            "capacity": "10Gi",
            "nodeTopology": topology,
        }
        world.apply([{**csi, "spec": {"storageCapacity": True}}, storage_class("wait"), capacity])
        world.apply([claim("fits", size="5Gi"), claim("huge", size="50Gi"), pod("p", "fits"), pod("q", "huge")])
        assert "2 node(s) did not have enough free storage" in said(world, "q")

        def selected() -> str:
            return annotations_of(world.get("PersistentVolumeClaim", "fits")).get(SELECTED, "")

        assert world.wait_until(selected, within=30) == "node-1"
        assert name_of(world.get("Pod", "p")) and not node_of(world, "p")
