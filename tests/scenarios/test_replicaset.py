"""ReplicaSets through the whole control plane, with a watch that lags, and with quota-like refusals."""

from __future__ import annotations

import pytest

from podo.api.meta import name_of, uid_of
from podo.lab import World

REPLICASET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 5,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}]},
        },
    },
}


def test_it_makes_replaces_and_removes_pods() -> None:
    with World(nodes=2) as world:
        world.apply(REPLICASET)
        world.wait_until(lambda: world.get("ReplicaSet", "web")["status"]["availableReplicas"] == 5)
        victim = name_of(world.pods()[0])
        world.delete("Pod", victim)
        world.settle()
        assert len(world.pods()) == 5 and victim not in [name_of(pod) for pod in world.pods()]
        world.scale("ReplicaSet", "web", 2)
        world.settle()
        assert len(world.pods()) == 2
        status = world.get("ReplicaSet", "web")["status"]
        assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (2, 2, 2)


def test_a_released_pod_stays_and_another_takes_its_place() -> None:
    with World() as world:
        world.apply(REPLICASET)
        world.settle()
        loose = name_of(world.pods()[0])
        world.run(world.client.patch("Pod", loose, "default", patch={"metadata": {"labels": {"app": "debug"}}}))
        world.settle()
        assert len(world.pods()) == 6
        assert not world.get("Pod", loose)["metadata"].get("ownerReferences")
        world.run(world.client.patch("Pod", loose, "default", patch={"metadata": {"labels": {"app": "web"}}}))
        world.settle()
        assert len(world.pods()) == 5, "adopted again, which was one too many"


@pytest.mark.parametrize("seed", range(3))
def test_it_never_makes_more_than_it_should(seed: int) -> None:
    with World(seed=seed, nodes=2) as world:
        (rs,) = world.apply(REPLICASET)
        seen: set[str] = set()
        for replicas in (9, 3, 12, 12, 7):
            world.scale("ReplicaSet", "web", replicas)
            for _ in range(10):
                world.advance(0.05)
                living = [pod for pod in world.pods() if "deletionTimestamp" not in pod["metadata"]]
                seen |= {uid_of(pod) for pod in living}
                assert len(living) <= 12
        world.settle()
        mine = [pod for pod in world.pods() if pod["metadata"]["ownerReferences"][0]["uid"] == uid_of(rs)]
        assert len(mine) == 7
        assert len(seen) <= 9 + (12 - 3), "no pod was made twice"
