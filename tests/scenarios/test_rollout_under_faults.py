"""A Deployment is changed again and again while watches lag and requests fail: it keeps its bounds and its ends."""

from __future__ import annotations

import pytest

from podo.api.meta import condition_of, uid_of
from podo.lab import Faults, World


def deployment(replicas: int, image: str) -> dict:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    }


@pytest.mark.parametrize("seed", range(4))
def test_it_ends_where_it_was_told_to(seed: int) -> None:
    with World(nodes=3, seed=seed, faults=Faults(watch_lag=0.5 * seed, errors=0.1, losses=0.1)) as world:
        images = ["nginx:1.14.2", "nginx:1.16.1", "nginx:1.14.2", "nginx:1.17"]
        most = 0
        for replicas, image in zip([6, 6, 9, 4], images, strict=True):
            world.apply(deployment(replicas, image))
            for _ in range(20):
                world.advance(1.0)
                living = [pod for pod in world.pods() if "deletionTimestamp" not in pod["metadata"]]
                most = max(most, len(living))
        world.advance(600)
        found = world.get("Deployment", "web")
        progressing = condition_of(found, "Progressing")
        assert progressing and progressing["reason"] == "NewReplicaSetAvailable"
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
        pods = world.pods(labels="app=web")
        assert [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]] == []
        assert [pod["spec"]["containers"][0]["image"] for pod in pods] == [images[-1]] * 4
        assert most <= 9 + 2
        owners = {uid_of(rs) for rs in world.list("ReplicaSet")}
        assert len(owners) == 3, "the first image's ReplicaSet was used again"
