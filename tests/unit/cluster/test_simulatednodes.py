"""The simulated nodes of a server: Ready by themselves, quiet, switched off and on by an annotation, and playing the
stages that ``podo up --stages`` has left."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from podo.api.encoding import stamp
from podo.api.kind import Obj
from podo.api.meta import condition_is_true, name_of
from podo.cluster import givenfiles
from podo.cluster.config import MANY_NODES, Config, ConfigProblem, simulated_pod_cidr
from podo.cluster.controlplane import ControlPlane, Settings
from podo.cluster.simulatednodes import OFF, POWER, SimulatedNodes
from podo.lab.virtualtime import START, run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.storage.memory import MemoryStore

DAY = 86400.0


class Cluster:
    """The control plane of ``podo server`` and its simulated nodes, in virtual time."""

    def __init__(self, directory: Path, nodes: int, manifests: str) -> None:
        pods = simulated_pod_cidr(nodes)
        self.config = Config("sim", str(directory), nodes=nodes, pod_cidr=pods, pod_manifest_path=manifests)
        self.store = MemoryStore(stamp)
        clock, chance = LoopClock(START, asyncio.get_running_loop()), Chance(1)
        self.plane = ControlPlane(self.store, clock, chance, Settings(pod_cidr=self.config.pod_cidr), checked=True)
        self.nodes = SimulatedNodes(self.config, self.plane, clock, chance)
        self.client = self.plane.client

    async def objects(self, kind: str) -> dict[str, Obj]:
        return {name_of(obj): obj for obj in (await self.client.list(kind)).items}

    async def ready(self) -> list[str]:
        return [name for name, node in (await self.objects("Node")).items() if condition_is_true(node, "Ready")]

    async def reach(self, condition: Callable[[], Awaitable[bool]], within: float = 120.0) -> None:
        deadline, step = asyncio.get_running_loop().time() + within, 0.05
        while not await condition():
            assert asyncio.get_running_loop().time() < deadline, "not reached"
            await asyncio.sleep(step)
            step = min(step * 1.5, 5.0)

    async def power(self, node: str, state: str | None) -> None:
        await self.client.patch("Node", node, patch={"metadata": {"annotations": {POWER: state}}})


@asynccontextmanager
async def running(directory: Path, nodes: int, manifests: str = "") -> AsyncIterator[Cluster]:
    cluster = Cluster(directory, nodes, manifests)
    await cluster.plane.start()
    await cluster.plane.start_loops()
    await cluster.nodes.start()
    await cluster.plane.start_scheduler()

    async def all_ready() -> bool:
        return len(await cluster.ready()) == nodes

    await cluster.reach(all_ready)
    yield cluster
    await cluster.nodes.stop()
    await cluster.plane.stop()
    assert cluster.plane.runner.bugs == []
    cluster.plane.cache.check()


def replicas(count: int) -> Obj:
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": count, "selector": {"matchLabels": {"app": "web"}}, "template": pod},
    }


@pytest.mark.parametrize("nodes", [1, 256, 257, MANY_NODES])
def test_the_pod_network_has_a_part_for_every_node(nodes: int) -> None:
    network = ipaddress.ip_network(simulated_pod_cidr(nodes))
    assert 1 << (24 - network.prefixlen) >= nodes


def test_more_nodes_than_the_network_has_parts_for_are_refused(tmp_path: Path) -> None:
    Config("sim", str(tmp_path), nodes=MANY_NODES)
    with pytest.raises(ConfigProblem, match=f"1 to {MANY_NODES}"):
        Config("sim", str(tmp_path), nodes=MANY_NODES + 1)


def test_sixty_nodes_are_ready_each_with_a_network_of_its_own_and_then_at_rest(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 60) as cluster:
            nodes = await cluster.objects("Node")
            assert len({node["spec"]["podCIDR"] for node in nodes.values()}) == 60
            ports = {node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] for node in nodes.values()}
            assert ports == {0}  # nobody is asked at the addresses that these nodes have been given
            await asyncio.sleep(3700)  # the Events of the start last an hour
            revision = cluster.store.revision
            await asyncio.sleep(DAY / 2)
            assert cluster.store.revision == revision
            assert len(await cluster.ready()) == 60

    run(main())


def test_a_simulated_pod_costs_a_write_for_its_start_and_two_for_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 2) as cluster:
            changes = cluster.store.watch("/core/pods/", after=cluster.store.revision)
            await cluster.client.create(replicas(6))

            async def all_run() -> bool:
                pods = (await cluster.objects("Pod")).values()
                return len(pods) == 6 and all(condition_is_true(pod, "Ready") for pod in pods)

            await cluster.reach(all_run)
            assert len(changes.take()) == 6 * 3  # created, bound, runs and is ready
            await cluster.client.delete("ReplicaSet", "web", "default", propagation="Background")

            async def all_gone() -> bool:
                return not await cluster.objects("Pod")

            await cluster.reach(all_gone)
            assert len(changes.take()) == 6 * 3  # marked, ended, removed
            changes.close()

    run(main())


def test_a_node_without_power_is_lost_with_its_pods_and_comes_back_empty(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 2) as cluster:
            await cluster.client.create(replicas(4))

            async def run_on(*nodes: str) -> bool:
                pods = [pod for pod in (await cluster.objects("Pod")).values() if condition_is_true(pod, "Ready")]
                return len(pods) == 4 and {pod["spec"]["nodeName"] for pod in pods} == set(nodes)

            await cluster.reach(lambda: run_on("node-1", "node-2"))
            await cluster.power("node-1", OFF)

            async def is_lost() -> bool:
                return await cluster.ready() == ["node-2"]

            await cluster.reach(is_lost, within=60)
            await cluster.reach(lambda: run_on("node-2"), within=400)  # pods tolerate a lost node for five minutes
            await cluster.power("node-1", None)

            async def is_back() -> bool:
                left = [p for p in (await cluster.objects("Pod")).values() if p["spec"].get("nodeName") == "node-1"]
                return not left and await cluster.ready() == ["node-1", "node-2"]

            await cluster.reach(is_back, within=60)

    run(main())


def test_a_node_that_is_switched_off_and_on_at_once_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, 1) as cluster:
            for state in (OFF, None, OFF, None):
                await cluster.power("node-1", state)
            await asyncio.sleep(DAY)
            assert await cluster.ready() == ["node-1"]

    run(main())


STAGES = """
apiVersion: podo.dev/v1
kind: Stages
stages:
- {name: slow, select: {labels: app=web}, startSeconds: 7}
"""


def test_pods_play_the_stages_that_were_given_on_the_command_line(tmp_path: Path) -> None:
    async def main() -> None:
        given = next(each for each in givenfiles.FILES if each.option == "--stages")
        (tmp_path / "mine.yaml").write_text(STAGES)
        givenfiles.adopt(Config("sim", str(tmp_path)), given, tmp_path / "mine.yaml")
        async with running(tmp_path, 1) as cluster:
            began = asyncio.get_running_loop().time()
            await cluster.client.create(replicas(1))

            async def creating() -> bool:
                pods = (await cluster.objects("Pod")).values()
                states = [c["state"] for pod in pods for c in pod["status"].get("containerStatuses", ())]
                return [state.get("waiting", {}).get("reason") for state in states] == ["ContainerCreating"]

            async def runs() -> bool:
                return all(condition_is_true(pod, "Ready") for pod in (await cluster.objects("Pod")).values())

            await cluster.reach(creating, within=2)
            await cluster.reach(runs)
            assert 7 <= asyncio.get_running_loop().time() - began < 12

    run(main())


def manifest(name: str) -> str:
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize("for_all", [True, False])
def test_static_pods_run_where_there_are_manifests(tmp_path: Path, for_all: bool) -> None:
    """In a directory for all nodes, or in that of one."""

    async def story() -> None:
        directory = tmp_path / "manifests" if for_all else tmp_path / "nodes" / "node-2" / "manifests"
        directory.mkdir(parents=True)
        (directory / "web.json").write_text(manifest("web"))
        async with running(tmp_path, 3, str(directory) if for_all else "") as cluster:

            async def runs(*names: str) -> bool:
                pods = await cluster.objects("Pod")
                return set(pods) == set(names) and all(p["status"]["phase"] == "Running" for p in pods.values())

            web = [f"web-node-{number}" for number in ((1, 2, 3) if for_all else (2,))]
            await cluster.reach(lambda: runs(*web))
            mirror = (await cluster.objects("Pod"))["web-node-2"]
            await cluster.power("node-2", OFF)
            await cluster.power("node-2", None)

            async def is_back() -> bool:
                again = (await cluster.objects("Pod")).get("web-node-2", {"status": {}})
                ip = again["status"].get("podIP")
                return ip is not None and again["status"]["phase"] == "Running"

            await cluster.reach(is_back)
            assert hash_of((await cluster.objects("Pod"))["web-node-2"]) == hash_of(mirror)
            (directory / "web.json").unlink()
            await cluster.reach(runs)

    run(story())


def hash_of(pod: Obj) -> str:
    return str(pod["metadata"]["annotations"]["kubernetes.io/config.hash"])
