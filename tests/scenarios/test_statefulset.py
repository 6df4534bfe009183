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
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    with World() as world:
        world.apply(statefulset(1, volumeClaimTemplates=[claim]))
        world.settle()
        (pod,) = world.pods()
        (condition,) = [c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
        assert "pod has unbound immediate PersistentVolumeClaims" in condition["message"]
        (found,) = world.list("PersistentVolumeClaim")
        assert name_of(found) == "data-db-0" and found["status"]["phase"] == "Pending"
        bound = {"spec": {"volumeName": "disk"}}
        world.run(world.client.patch("PersistentVolumeClaim", "data-db-0", "default", patch=bound))
        patch = {"status": {"phase": "Bound"}}
        work = world.client.patch("PersistentVolumeClaim", "data-db-0", "default", patch=patch, subresource="status")
        world.run(work)
        world.wait_until(lambda: world.pods()[0]["spec"].get("nodeName"), within=30)
