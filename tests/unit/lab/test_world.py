"""What a World promises its user: objects in and out, time, failures that explain themselves, forks, and replay from
a seed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podo.api.errors import ApiError
from podo.lab import Faults, NotReached, World, run
from tests.cpu import costs_at_most

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: purple}
"""


def pod(name: str, image: str = "nginx", **annotations: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {f"podo.dev/{key}": text for key, text in annotations.items()}},
        "spec": {"containers": [{"name": "main", "image": image}], "restartPolicy": "Never"},
    }


def test_apply_takes_text_files_and_dicts_and_merges(world: World, tmp_path: Path) -> None:
    made = world.apply(DEPLOYMENT)
    assert [obj["kind"] for obj in made] == ["Deployment", "ConfigMap"]
    file = tmp_path / "settings.yaml"
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: big}\n")
    world.apply(str(file))
    assert world.get("cm", "settings")["data"] == {"colour": "purple", "size": "big"}
    world.apply([pod("one"), pod("two")])
    assert {p["metadata"]["name"] for p in world.pods() if "app" not in p["metadata"].get("labels", {})} == {
        "one",
        "two",
    }
    world.wait_for("Deployment", "web", condition="Available")
    assert len(world.pods(labels="app=web")) == 2


def test_what_is_wrong_is_said_as_the_api_says_it(world: World) -> None:
    with pytest.raises(ApiError, match=r"spec\.containers: Required value"):
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {}})
    with pytest.raises(ApiError, match='pods "nothing" not found'):
        world.get("pod", "nothing")
    with pytest.raises(LookupError, match="no kind is named 'Gadget'"):
        world.list("Gadget")


def test_time_stands_still_between_calls_and_jumps_within() -> None:
    with costs_at_most(10), World() as world:
        first = world.now
        world.apply(pod("job", **{"run-seconds": "7200", "exit-code": "3"}))
        assert world.now == first
        world.advance(7000)
        assert world.now == first + 7000
        assert world.get("pod", "job")["status"]["phase"] == "Running"
        world.wait_until(lambda: world.get("pod", "job")["status"]["phase"] == "Failed", within=300)
        state = world.get("pod", "job")["status"]["containerStatuses"][0]["state"]["terminated"]
        assert state["exitCode"] == 3


def test_a_wait_that_fails_says_why_and_how_to_see_it_again() -> None:
    with World(seed=42) as world:
        world.apply(pod("stuck", image="podo.dev/absent/web:1"))
        big = pod("big")
        big["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
        world.apply(big)
        with pytest.raises(NotReached) as failure:
            world.wait_until(lambda: world.get("pod", "stuck")["status"]["nonsense"], within=30)
    text = str(failure.value)
    assert "did not come true within 30 s" in text
    assert "KeyError: 'nonsense'" in text
    assert "World(seed=42)" in text
    assert "Pod default/stuck: Pending" in text and "podo.dev/absent/web:1" in text
    assert "Pod default/big: Pending, not scheduled: 0/1 nodes are available" in text


def test_settle_waits_for_what_reacts(world: World) -> None:
    world.apply(DEPLOYMENT)
    world.settle()
    assert world.get("deploy", "web")["status"]["availableReplicas"] == 2


def test_a_fork_goes_its_own_way() -> None:
    with World(nodes=2) as world:
        world.apply(DEPLOYMENT)
        world.apply(pod("job", **{"run-seconds": "100"}))
        world.wait_for("Deployment", "web", condition="Available")
        world.advance(40)
        names = {p["metadata"]["name"] for p in world.pods()}
        with world.fork() as other:
            assert other.now >= world.now
            assert {p["metadata"]["name"] for p in other.pods()} == names
            other.scale("deploy", "web", 5)
            other.wait_until(lambda: other.get("deploy", "web")["status"].get("availableReplicas") == 5)
            other.wait_until(lambda: other.get("pod", "job")["status"]["phase"] == "Succeeded", within=70)
            restarts = [s["restartCount"] for p in other.pods() for s in p["status"]["containerStatuses"]]
            assert set(restarts) == {0}, "containers were adopted, not started again"
        assert len(world.pods()) == 3
        assert world.get("pod", "job")["status"]["phase"] == "Running"


def test_the_same_cluster_in_a_coroutine() -> None:
    async def main() -> int:
        async with World(nodes=1) as world:
            await world.apply(DEPLOYMENT)
            await world.wait_for("Deployment", "web", condition="Available")
            async with asyncio.timeout(60):
                found = await world.client.list("Pod")
            return len(found.items)

    assert run(main()) == 2


def test_a_world_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="with"):
        World().apply(DEPLOYMENT)


REPLAY = """
import hashlib, sys
from podo.lab import Faults, World
with World(nodes=3, seed=int(sys.argv[1]), faults=Faults(watch_lag=0.3, errors=0.05, losses=0.05)) as world:
    world.apply(sys.stdin.read())
    world.scale("deploy", "web", 12)
    world.advance(30)
    world.kill_node("node-1")
    world.advance(400)
    store = world.simulation.store
    page = world.run(store.range("/"))
    digest = hashlib.sha256(b"".join(record.value for record in page.records)).hexdigest()
    print(store.revision, digest)
"""


def replay(seed: int, hash_seed: int) -> str:
    """A run in a process of its own, so that nothing but the seed can make it the same."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(seed)],
        input=DEPLOYMENT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


def test_a_seed_replays_a_run_byte_for_byte() -> None:
    first = replay(7, hash_seed=1)
    assert replay(7, hash_seed=2) == first
    assert replay(8, hash_seed=1) != first


def test_the_lab_is_imported_quickly() -> None:
    script = (
        "import sys, podo.lab, podo.lab.pytest_plugin; print('numpy' in sys.modules, 'podo.apiserver' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_faults_may_change_while_the_world_runs() -> None:
    faults = Faults()
    with World(faults=faults) as world:
        faults.watch_lag = 20.0
        world.apply(pod("late"))
        world.advance(15)
        assert not world.get("pod", "late")["spec"].get("nodeName")
        world.wait_until(lambda: world.get("pod", "late")["status"]["phase"] == "Running", within=120)


def test_a_node_gets_a_name_that_is_free() -> None:
    with World(nodes=1) as world:
        assert world.add_node("node-2") == "node-2"
        assert [world.add_node(), world.add_node()] == ["node-3", "node-4"]
        with pytest.raises(ValueError, match='there is a node "node-2" already'):
            world.add_node("node-2")
        assert len(world.list("Node")) == len({n["spec"]["podCIDR"] for n in world.list("Node")}) == 4
