"""DaemonSets in a whole cluster: pods are placed by the scheduler, follow nodes and taints, and roll over."""

from __future__ import annotations

import pytest

from podo.api.meta import is_deleting, labels_of, name_of
from podo.lab import Faults, World


def daemonset(image: str = "agent:1", **rolling: object) -> dict:
    labels = {"app": "agent"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"rollingUpdate": rolling} if rolling else {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    }


def on_nodes(world: World) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in world.pods() if not is_deleting(pod))


def ready(world: World) -> int:
    return world.get("DaemonSet", "agent")["status"]["numberReady"]


def test_a_pod_on_every_node_also_on_those_that_come() -> None:
    with World(nodes=3) as world:
        world.apply(daemonset())
        world.wait_until(lambda: ready(world) == 3)
        name = world.add_node()
        world.wait_until(lambda: ready(world) == 4)
        assert on_nodes(world) == sorted(["node-0", "node-1", "node-2", name])


def test_its_status_is_told_also_where_pods_are_refused() -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
    with World(nodes=3) as world:
        world.apply(quota)
        world.apply(daemonset())
        world.wait_until(lambda: ready(world) == 1, within=30)
        assert world.get("DaemonSet", "agent")["status"]["desiredNumberScheduled"] == 3
        name = world.add_node()
        wanted = {"desiredNumberScheduled": 4, "currentNumberScheduled": 1, "numberUnavailable": 3}
        world.wait_until(lambda: wanted.items() <= world.get("DaemonSet", "agent")["status"].items(), within=9)
        assert name not in on_nodes(world)


def test_a_taint_drives_pods_away_and_a_dead_node_keeps_its_own() -> None:
    with World(nodes=3) as world:
        world.apply(daemonset())
        world.wait_until(lambda: ready(world) == 3)
        taint = {"spec": {"taints": [{"key": "maintenance", "effect": "NoExecute"}]}}
        world.run(world.client.patch("Node", "node-1", patch=taint))
        world.settle()
        assert on_nodes(world) == ["node-0", "node-2"]
        world.kill_node("node-2")
        world.advance(900)
        assert on_nodes(world) == ["node-0", "node-2"], "daemon pods tolerate not-ready and unreachable for ever"
        status = world.get("DaemonSet", "agent")["status"]
        assert (status["desiredNumberScheduled"], status["numberReady"], status["numberMisscheduled"]) == (1, 1, 1)


def test_undo_goes_back_by_the_revision() -> None:
    with World(nodes=2) as world:
        world.apply(daemonset())
        world.wait_until(lambda: ready(world) == 2)
        world.apply(daemonset("agent:2"))
        world.settle()
        first = min(world.list("ControllerRevision"), key=lambda revision: revision["revision"])
        patch = world.client.patch("DaemonSet", "agent", "default", patch=first["data"], type="strategic")
        world.run(patch)
        world.settle()
        assert {pod["spec"]["containers"][0]["image"] for pod in world.pods()} == {"agent:1"}
        assert sorted(revision["revision"] for revision in world.list("ControllerRevision")) == [2, 3]
        annotations = world.get("DaemonSet", "agent")["metadata"]["annotations"]
        assert annotations["deprecated.daemonset.template.generation"] == "3"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rolling", [{"maxUnavailable": 1}, {"maxUnavailable": 0, "maxSurge": "50%"}])
def test_it_rolls_over_under_faults(seed: int, rolling: dict) -> None:
    faults = Faults(watch_lag=0.4 * seed, errors=0.1, losses=0.1)
    with World(nodes=4, seed=seed, faults=faults) as world:
        for image in ("agent:1", "agent:2", "agent:1", "agent:3"):
            world.apply(daemonset(image, **rolling))
            for _ in range(8):
                world.advance(1.0)
                living = [pod for pod in world.pods() if not is_deleting(pod)]
                assert len(living) <= 8
        world.advance(300)
        pods = [pod for pod in world.pods() if not is_deleting(pod)]
        assert on_nodes(world) == ["node-0", "node-1", "node-2", "node-3"]
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"agent:3"}
        hashes = {labels_of(pod)["controller-revision-hash"] for pod in pods}
        newest = max(world.list("ControllerRevision"), key=lambda revision: revision["revision"])
        assert hashes == {labels_of(newest)["controller-revision-hash"]}, name_of(newest)
