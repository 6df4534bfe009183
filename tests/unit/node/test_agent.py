"""The agent on simulated containers, against the real API server, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.lab.virtualtime import START, run
from podo.node.agent import NodeAgent
from podo.node.config import NodeConfig
from podo.node.imagined import ImaginedMachine
from podo.node.machine import Machine, ProbeResult, Target
from podo.node.podaccess import AgentPods
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.storage.memory import MemoryStore

Obj = dict[str, Any]


async def no_services(pod: Obj) -> None:
    return None


class Node:
    """``writes``: every version of every pod that a watcher saw."""

    def __init__(self, client: LocalClient, clock: LoopClock, store: MemoryStore) -> None:
        self.client, self.clock, self.store = client, clock, store
        self.runtime = SimulatedRuntime(clock, Chance(2))
        self.config = NodeConfig("n1", "10.0.0.1", pod_cidr="10.244.3.0/24", simulated=True)
        self.writes: list[Obj] = []
        self.agent = self.new_agent()

    def new_agent(
        self,
        withdrawn: Callable[[Obj], Awaitable[None]] = no_services,
        machine: Machine | None = None,
        client: LocalClient | None = None,
    ) -> NodeAgent:
        async def network(cidr: str) -> None:
            self.runtime.set_pod_cidr(cidr)

        return NodeAgent(
            self.config,
            client or self.client,
            self.runtime,
            self.clock,
            Chance(3),
            on_pod_cidr=network,
            withdrawn=withdrawn,
            machine=machine,
        )

    async def watch(self) -> None:
        async for events in self.client.watch("Pod"):
            self.writes += [event.object for event in events if event.type == "MODIFIED"]

    async def create(self, name: str = "web", notes: Obj | None = None, **spec: Any) -> None:
        metadata: Obj = {"name": name, "namespace": "default", "annotations": notes or {}}
        containers = [{"name": "web", "image": "nginx:1.14.2"}]
        await self.client.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": {"nodeName": "n1", "containers": containers, **spec},
            }
        )

    async def pod(self, name: str = "web") -> Obj:
        return await self.client.get("Pod", name, "default")

    async def until(self, true: Callable[[Obj], Any], name: str = "web", seconds: float = 3600) -> Obj:
        async with asyncio.timeout(seconds):
            while not true(pod := await self.pod(name)):
                await asyncio.sleep(0.05)
        return pod

    async def gone(self, name: str = "web") -> None:
        async with asyncio.timeout(300):
            while True:
                try:
                    await self.pod(name)
                except ApiError:
                    return
                await asyncio.sleep(0.05)

    async def told(self) -> list[tuple[str, str, int]]:
        events = (await self.client.list("Event", "default")).items
        return [(event["reason"], event["message"], event.get("count", 1)) for event in events]


def tell(story: Callable[[Node], Awaitable[None]]) -> None:
    async def whole() -> None:
        clock = LoopClock(START, asyncio.get_running_loop())
        store = MemoryStore(stamp, history_limit=10_000)
        await store.open()
        server = ApiServer(store, clock, Chance(1))
        await server.start()
        client = LocalClient(server)
        for name in ("default", "kube-node-lease"):
            await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            account = {"metadata": {"name": "default", "namespace": name}, "automountServiceAccountToken": False}
            await client.create({"apiVersion": "v1", "kind": "ServiceAccount", **account})
        node = Node(client, clock, store)
        watching = asyncio.get_running_loop().create_task(node.watch())
        await node.agent.start()
        await story(node)
        await node.agent.stop()
        watching.cancel()
        await store.close()

    run(whole())


def is_running(pod: Obj) -> bool:
    return bool(pod["status"]["phase"] == "Running")


def restarts(pod: Obj) -> int:
    return sum(entry["restartCount"] for entry in pod["status"].get("containerStatuses", ()))


def condition(pod: Obj, kind: str) -> Obj:
    return next(c for c in pod["status"]["conditions"] if c["type"] == kind)


def test_a_pod_runs_with_one_write_and_four_events() -> None:
    async def story(node: Node) -> None:
        await node.create()
        pod = await node.until(is_running)
        assert pod["status"]["podIP"] == "10.244.3.2"
        assert pod["status"]["hostIP"] == "10.0.0.1"
        assert condition(pod, "Ready")["status"] == "True"
        assert len(node.writes) == 1
        await asyncio.sleep(600)
        assert len(node.writes) == 1
        assert [reason for reason, _, _ in await node.told()] == ["Pulling", "Pulled", "Created", "Started"]

    tell(story)


def test_a_pod_that_crashes_backs_off_and_tells() -> None:
    async def story(node: Node) -> None:
        await node.create(notes={"podo.dev/run-seconds": "1", "podo.dev/exit-code": "3"})
        pod = await node.until(lambda pod: restarts(pod) == 4)
        status = pod["status"]["containerStatuses"][0]
        assert status["lastState"]["terminated"]["exitCode"] == 3
        assert 70 <= node.clock.now() - START < 90  # at once, 10, 20 and 40 seconds
        told = await node.told()
        assert any(reason == "BackOff" and message.startswith("Back-off restarting") for reason, message, _ in told)

    tell(story)


def test_a_pod_is_started_over_when_a_rule_says_so() -> None:
    async def story(node: Node) -> None:
        rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
        web = {"name": "web", "image": "nginx:1.14.2", "restartPolicy": "Never", "restartPolicyRules": rules}
        notes = {"podo.dev/run-seconds.web": "5", "podo.dev/exit-code.web": "42"}
        containers = [web, {"name": "other", "image": "nginx:1.14.2"}]
        first = [{"name": "first", "image": "nginx:1.14.2"}]
        await node.create(notes=notes, containers=containers, initContainers=first, restartPolicy="Never")
        pod = await node.until(lambda pod: restarts(pod) == 4)
        assert [each["restartCount"] for each in pod["status"]["initContainerStatuses"]] == [2]
        assert condition(pod, "AllContainersRestarting")["status"] == "False"
        assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 42
        assert 15 <= node.clock.now() - START < 25  # five seconds, twice, and ten of back-off

    tell(story)


def test_a_job_ends() -> None:
    async def story(node: Node) -> None:
        await node.create(notes={"podo.dev/run-seconds": "30"}, restartPolicy="Never")
        pod = await node.until(lambda pod: pod["status"]["phase"] == "Succeeded", seconds=60)
        assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
        assert condition(pod, "Ready")["reason"] == "PodCompleted"
        assert (await node.runtime.list_sandboxes())[0].ready is False

    tell(story)


def test_readiness_follows_the_probe_and_gates() -> None:
    async def story(node: Node) -> None:
        probe = {"httpGet": {"port": 80}, "periodSeconds": 5}
        containers = [{"name": "web", "image": "nginx:1.14.2", "readinessProbe": probe}]
        gates = [{"conditionType": "example.com/ok"}]
        notes = {"podo.dev/ready-after": "20"}
        await node.create(notes=notes, containers=containers, readinessGates=gates)
        pod = await node.until(is_running)
        ready = condition(pod, "ContainersReady")
        assert (ready["reason"], ready["message"]) == (
            "ContainersNotReady",
            "containers with unready status: [web]",
        )
        pod = await node.until(lambda pod: condition(pod, "ContainersReady")["status"] == "True", seconds=30)
        assert condition(pod, "Ready")["reason"] == "ReadinessGatesNotReady"
        gate = {"type": "example.com/ok", "status": "True"}
        await node.client.patch(
            "Pod", "web", "default", patch={"status": {"conditions": [gate]}}, type="strategic", subresource="status"
        )
        pod = await node.until(lambda pod: condition(pod, "Ready")["status"] == "True", seconds=5)
        assert condition(pod, "example.com/ok")["status"] == "True"

    tell(story)


def test_an_absent_image_is_told_and_tried_again() -> None:
    async def story(node: Node) -> None:
        await node.create(containers=[{"name": "web", "image": "podo.dev/absent/web:1"}])

        def waiting(pod: Obj) -> str:
            statuses = pod["status"].get("containerStatuses") or [{}]
            return str(statuses[0].get("state", {}).get("waiting", {}).get("reason"))

        await node.until(lambda pod: waiting(pod) == "ErrImagePull", seconds=5)
        await node.until(lambda pod: waiting(pod) == "ImagePullBackOff", seconds=10)
        await node.until(lambda pod: waiting(pod) == "ErrImagePull", seconds=10)
        told = await node.told()
        assert ("BackOff", 'Back-off pulling image "podo.dev/absent/web:1"', 1) in told
        await node.client.delete("Pod", "web", "default")
        await node.gone()

    tell(story)


def test_a_pod_that_is_over_its_deadline_is_failed_and_told() -> None:
    async def story(node: Node) -> None:
        await node.create(activeDeadlineSeconds=30)
        pod = await node.until(lambda pod: pod["status"]["phase"] == "Failed", seconds=60)
        message = "Pod was active on the node longer than the specified deadline"
        assert (pod["status"]["reason"], pod["status"]["message"]) == ("DeadlineExceeded", message)
        assert ("DeadlineExceeded", message, 1) in await node.told()

    tell(story)


def test_a_lost_sandbox_is_told_and_made_again() -> None:
    async def story(node: Node) -> None:
        await node.create()
        await node.until(is_running)
        await node.runtime.stop_sandbox((await node.runtime.list_sandboxes())[0].id)
        await asyncio.sleep(30)
        told = ("SandboxChanged", "Pod sandbox changed, it will be killed and re-created.", 1)
        assert told in await node.told()

    tell(story)


class Refusing(ImaginedMachine):
    """Every hook fails, and says something that is nobody's business."""

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        return ProbeResult(False, "a-secret")


def test_that_a_hook_failed_is_told_but_not_what_it_said() -> None:
    async def story(node: Node) -> None:
        await node.agent.stop()
        node.agent = node.new_agent(machine=Refusing(node.config, node.clock))
        await node.agent.start()
        hook = {"exec": {"command": ["say"]}}
        hooks = {"lifecycle": {"postStart": hook, "preStop": hook}}
        await node.create(containers=[{"name": "web", "image": "nginx:1.14.2", **hooks}])
        await node.until(lambda pod: restarts(pod) == 2)
        await node.client.delete("Pod", "web", "default")
        await node.gone()
        told = {(reason, message) for reason, message, _ in await node.told()}
        assert {("FailedPostStartHook", "PostStartHook failed"), ("Killing", "FailedPostStartHook")} <= told
        assert not any("a-secret" in message for _, message in told)

    tell(story)


class Aimed(ImaginedMachine):
    """Remembers where hooks went."""

    def __init__(self, config: NodeConfig, clock: LoopClock) -> None:
        super().__init__(config, clock)
        self.at: list[str] = []

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        self.at.append(target.ip)
        return ProbeResult(True)


def test_hooks_of_a_pod_on_the_nodes_network_go_to_the_node() -> None:
    async def story(node: Node) -> None:
        await node.agent.stop()
        machine = Aimed(node.config, node.clock)
        node.agent = node.new_agent(machine=machine)
        await node.agent.start()
        hook = {"httpGet": {"port": 80}}
        web = {"name": "web", "image": "nginx:1.14.2", "lifecycle": {"postStart": hook, "preStop": hook}}
        await node.create(containers=[web], hostNetwork=True)
        await node.create("own", containers=[web])
        await node.until(is_running)
        own = await node.until(is_running, "own")
        for name in ("web", "own"):
            await node.client.delete("Pod", name, "default")
            await node.gone(name)
        assert sorted(machine.at) == sorted([node.config.internal_ip] * 2 + [own["status"]["podIP"]] * 2)

    tell(story)


def test_what_is_known_of_containers_goes_with_them() -> None:
    async def story(node: Node) -> None:
        probes = {"livenessProbe": {"exec": {"command": ["x"]}, "periodSeconds": 1}}
        notes = {"podo.dev/run-seconds": "5"}
        await node.create(notes=notes, containers=[{"name": "web", "image": "nginx:1.14.2", **probes}])
        await node.until(lambda pod: restarts(pod) == 5)
        (worker,) = node.agent._workers.values()
        kept = {container.id for container in await node.runtime.list_containers()}
        assert {container_id for container_id, _ in worker.memory.probes} <= kept

    tell(story)


def test_a_deleted_pod_is_gone_and_leaves_nothing() -> None:
    async def story(node: Node) -> None:
        await node.create()
        await node.until(is_running)
        before = len(node.writes)
        await node.client.delete("Pod", "web", "default")
        await node.gone()
        assert len(node.writes) - before == 2  # the deletion itself, and how the containers ended
        assert node.writes[-1]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
        assert (await node.runtime.list_sandboxes(), await node.runtime.list_containers()) == ([], [])
        assert node.agent.pods == []

    tell(story)


class DeletedMeanwhile:
    """A client whose pod is deleted just before each first status that says Running; watches are never told of it."""

    def __init__(self, client: LocalClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def patch(self, kind: str, name: str, namespace: str = "", **options: Any) -> Obj:
        if options.get("patch", {}).get("status", {}).get("phase") == "Running":
            await self._client.delete(kind, name, namespace)
        return await self._client.patch(kind, name, namespace, **options)

    async def watch(self, kind: str, *args: Any, **options: Any) -> AsyncIterator[Any]:
        async for events in self._client.watch(kind, *args, **options):
            yield [event for event in events if "deletionTimestamp" not in event.object["metadata"]]


def test_a_deletion_first_seen_in_the_answer_to_a_status_is_carried_out() -> None:
    async def story(node: Node) -> None:
        await node.agent.stop()
        client, node.client = node.client, cast(LocalClient, DeletedMeanwhile(node.client))
        node.agent = node.new_agent()
        node.client = client
        await node.agent.start()
        await node.create()
        await node.gone()

    tell(story)


def stopped_after(seconds: float, grace: int) -> float:
    """How long a deleted pod's container ran on while the Services took ``seconds`` to let go of it."""
    found: list[float] = []

    async def story(node: Node) -> None:
        async def withdrawn(pod: Obj) -> None:
            await asyncio.sleep(seconds)

        await node.agent.stop()
        node.agent = node.new_agent(withdrawn)
        await node.agent.start()
        await node.create(terminationGracePeriodSeconds=grace)
        await node.until(is_running)
        began = node.clock.now()
        await node.client.delete("Pod", "web", "default")
        while any(each.state == "running" for each in await node.runtime.list_containers()):
            await asyncio.sleep(0.01)
        found.append(node.clock.now() - began)
        await node.gone()

    tell(story)
    return found[0]


def test_a_container_is_not_stopped_before_the_services_have_let_go_of_its_pod() -> None:
    assert 0.5 <= stopped_after(0.5, grace=30) < 0.6


def test_services_that_do_not_let_go_hold_up_no_pod_for_long() -> None:
    assert 3 <= stopped_after(60, grace=30) < 3.1
    assert 0.5 <= stopped_after(60, grace=2) < 0.6


def test_a_restarted_agent_adopts_what_runs_and_ends_what_is_not_wanted() -> None:
    async def story(node: Node) -> None:
        await node.create("kept")
        await node.create("removed")
        kept = await node.until(is_running, "kept")
        await node.until(is_running, "removed")
        await node.agent.stop()
        await node.client.delete("Pod", "removed", "default", grace_seconds=0)
        node.agent = node.new_agent()
        await node.agent.start()
        await asyncio.sleep(30)
        assert (await node.pod("kept"))["status"] == kept["status"]
        assert [sandbox.pod_name for sandbox in await node.runtime.list_sandboxes()] == ["kept"]

    tell(story)


def test_a_container_that_dies_is_told_at_once_and_started_again() -> None:
    async def story(node: Node) -> None:
        await node.create()
        await node.until(is_running)
        access = AgentPods(node.agent)
        first = access.container("default", "web", "web")
        assert first is not None and access.running(first.id)
        node.runtime.fail(first.id)
        pod = await node.until(lambda pod: pod["status"]["containerStatuses"][0]["restartCount"] == 1, seconds=1)
        terminated = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert terminated["exitCode"] == 137
        assert access.container("default", "web", "web", previous=True) == (
            await node.runtime.container_status(first.id)
        )

    tell(story)


def test_the_node_is_registered_and_keeps_its_lease() -> None:
    async def story(node: Node) -> None:
        found = await node.client.get("Node", "n1")
        assert found["metadata"]["labels"]["kubernetes.io/hostname"] == "n1"
        assert condition(found, "Ready")["status"] == "True"
        await asyncio.sleep(5)
        first = await node.client.get("Lease", "n1", "kube-node-lease")
        await asyncio.sleep(10)
        second = await node.client.get("Lease", "n1", "kube-node-lease")
        assert second["spec"]["renewTime"] > first["spec"]["renewTime"]
        assert first["spec"]["leaseDurationSeconds"] == 40
        await asyncio.sleep(200)
        quiet = await node.client.get("Node", "n1")
        assert quiet["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
        await node.client.delete("Node", "n1")
        await asyncio.sleep(400)
        again = await node.client.get("Node", "n1")
        assert condition(again, "Ready")["status"] == "True"

    tell(story)


def test_a_change_of_the_pod_is_a_new_try() -> None:
    def waits(pod: Obj) -> bool:
        return bool(pod["status"].get("containerStatuses", [{"state": {}}])[0]["state"].get("waiting"))

    async def story(node: Node) -> None:
        env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}]
        await node.create(containers=[{"name": "web", "image": "nginx:1.14.2", "env": env}])
        await node.until(waits)
        await node.client.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "settings", "namespace": "default"},
                "data": {"a": "1"},
            }
        )
        await asyncio.sleep(1)
        assert waits(await node.pod())
        await node.client.patch("Pod", "web", "default", patch={"metadata": {"labels": {"look": "again"}}})
        await node.until(is_running, seconds=2)

    tell(story)


def test_a_pod_without_its_config_map_waits_for_it() -> None:
    async def story(node: Node) -> None:
        env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "x"}}}]
        await node.create(containers=[{"name": "web", "image": "nginx:1.14.2", "env": env}])
        pod = await node.until(lambda pod: "containerStatuses" in pod["status"])
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
        await node.client.create({**settings, "data": {"x": "1"}})
        await node.until(is_running, seconds=15)

    tell(story)


def test_a_pod_for_which_there_is_no_room_is_rejected() -> None:
    async def story(node: Node) -> None:
        def wants(cpu: str) -> list[Obj]:
            return [{"name": "web", "image": "nginx:1.14.2", "resources": {"requests": {"cpu": cpu}}}]

        names = ("one", "two", "three")
        for name in names:
            await node.create(name, containers=wants("15"))
        ends = [await node.until(lambda pod: pod["status"]["phase"] != "Pending", name) for name in names]
        assert sorted(pod["status"]["phase"] for pod in ends) == ["Failed", "Running", "Running"]
        rejected = next(pod["status"] for pod in ends if pod["status"]["phase"] == "Failed")
        text = "Node didn't have enough resource: cpu, requested: 15000, used: 30000, capacity: 32000"
        assert (rejected["reason"], rejected["message"]) == ("OutOfcpu", f"Pod was rejected: {text}")
        assert ("OutOfcpu", text, 1) in await node.told()
        running = next(pod["metadata"]["name"] for pod in ends if pod["status"]["phase"] == "Running")
        await node.client.delete("Pod", running, "default")
        await node.gone(running)
        await node.create("four", containers=wants("15"))
        await node.until(is_running, "four")

    tell(story)


def test_a_label_that_the_node_got_a_moment_ago_counts() -> None:
    async def story(node: Node) -> None:
        await node.client.patch("Node", "n1", patch={"metadata": {"labels": {"disk": "ssd"}}}, type="merge")
        await node.create("fits", nodeSelector={"disk": "ssd"})
        await node.create("strays", nodeSelector={"disk": "hdd"})
        await node.until(is_running, "fits")
        pod = await node.until(lambda pod: pod["status"]["phase"] == "Failed", "strays")
        assert pod["status"]["reason"] == "NodeAffinity"

    tell(story)
