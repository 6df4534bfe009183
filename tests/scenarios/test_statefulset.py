"""StatefulSets in a whole cluster, while watches lag and requests fail."""

from __future__ import annotations

import pytest

from podo.api.meta import is_deleting, name_of
from podo.lab import Faults, World


def statefulset(replicas: int = 3, image: str = "db:1", **spec: object) -> dict:
    labels = {"app": "db"}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
            **spec,
        },
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_it_keeps_one_pod_a_number(seed: int, policy: str) -> None:
    with World(nodes=2, seed=seed, faults=Faults(watch_lag=0.3 * seed, errors=0.1, losses=0.1)) as world:
        for replicas, image in ((3, "db:1"), (5, "db:2"), (2, "db:2"), (4, "db:3")):
            world.apply(statefulset(replicas, image, podManagementPolicy=policy))
            world.advance(6)
        world.advance(300)
        pods = [pod for pod in world.pods() if not is_deleting(pod)]
        assert [name_of(pod) for pod in pods] == [f"db-{number}" for number in range(4)]
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"db:3"}
        status = world.get("StatefulSet", "db")["status"]
        assert status["readyReplicas"] == 4 and status["currentRevision"] == status["updateRevision"]


def test_pods_wait_for_their_claims() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    with World() as world:
        world.apply(statefulset(1, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": spec}]))
        world.settle()
        (pod,) = world.pods()
        (condition,) = [c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
        assert "pod has unbound immediate PersistentVolumeClaims" in condition["message"]
        (found,) = world.list("PersistentVolumeClaim")
        assert name_of(found) == "data-db-0" and found["status"]["phase"] == "Pending"
        disk = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}}
        world.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": disk})
        world.wait_for("Pod", "db-0", within=30)


def quota(**hard: str) -> dict:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}


def test_it_says_that_it_may_not_make_a_claim_and_goes_on_when_it_may() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    with World(nodes=1) as world:
        world.apply(quota(persistentvolumeclaims="1"))
        made = statefulset(2, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": spec}])
        world.apply(made)
        start = "create Claim data-db-1 for Pod db-1 in StatefulSet db failed error: "
        world.wait_until(lambda: any(e["message"].startswith(start) for e in world.events("db")), within=60)
        start = "create Pod db-1 in StatefulSet db failed error: failed to create PVC data-db-1: persistentvolumeclaims"
        assert any(e["reason"] == "FailedCreate" and e["message"].startswith(start) for e in world.events("db"))
        world.apply(quota(persistentvolumeclaims="2"))
        world.wait_until(lambda: world.get("StatefulSet", "db")["status"].get("readyReplicas") == 2, within=120)


def test_its_status_is_told_also_where_pods_are_refused() -> None:
    with World(nodes=1) as world:
        world.apply(quota(pods="1"))
        world.apply(statefulset(3))
        world.wait_until(lambda: world.get("StatefulSet", "db")["status"].get("readyReplicas") == 1, within=60)
        world.apply(statefulset(4))
        generation = world.get("StatefulSet", "db")["metadata"]["generation"]
        world.wait_until(lambda: world.get("StatefulSet", "db")["status"]["observedGeneration"] == generation, within=9)


def test_each_pod_keeps_its_own_claim() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    with World(nodes=2) as world:
        made = statefulset(3, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": spec}])
        container = made["spec"]["template"]["spec"]["containers"][0]
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        world.apply(made)
        world.wait_until(lambda: world.get("StatefulSet", "db")["status"].get("readyReplicas") == 3, within=120)
        before = {name_of(one): one["spec"]["volumeName"] for one in world.list("PersistentVolumeClaim")}
        assert sorted(before) == ["data-db-0", "data-db-1", "data-db-2"] and len(set(before.values())) == 3
        world.delete("Pod", "db-1")
        world.scale("StatefulSet", "db", 1)
        world.settle()
        world.scale("StatefulSet", "db", 3)
        world.wait_until(lambda: world.get("StatefulSet", "db")["status"].get("readyReplicas") == 3, within=120)
        assert {name_of(one): one["spec"]["volumeName"] for one in world.list("PersistentVolumeClaim")} == before
