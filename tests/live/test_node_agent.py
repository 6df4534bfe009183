"""The node agent on real containers: an API server in memory, and containerd in a network of its own."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.node import containerd
from podo.node.agent import NodeAgent
from podo.node.config import NodeConfig
from podo.node.images import oci
from podo.node.runtimes.contract import RuntimeFailure
from podo.node.runtimes.cri import CriRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore
from tests.live import cgroups, containerd_instance
from tests.live.registry import data_image, registry

pytestmark = pytest.mark.live

Obj = dict[str, Any]
PATIENCE = 120.0
SHELL = "trap 'exit 0' TERM; {} while :; do sleep 0.05; done"


@contextmanager
def network(name: str) -> Iterator[None]:
    """Be in a network namespace, where pods can be reached."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as own, open(f"/run/netns/{name}") as other:
        assert libc.setns(other.fileno(), 0) == 0
        try:
            yield
        finally:
            assert libc.setns(own.fileno(), 0) == 0


@pytest.fixture(scope="module")
def instance() -> Iterator[containerd_instance.Instance]:
    if why := containerd_instance.unavailable():
        pytest.skip(why)
    with containerd_instance.containerd_instance(containerd_instance.archives()) as running:
        yield running
    assert containerd_instance.leftovers(running) == []


class Node:
    """An API and an agent that can be stopped and started again."""

    def __init__(self, instance: containerd_instance.Instance, client: LocalClient) -> None:
        self.instance = instance
        self.client = client
        self.config = NodeConfig(
            "node-0",
            "127.0.0.1",
            instance.directory / "node",
            instance.network,
            containerd_instance.POD_CIDR,
            cluster_dns=("10.96.0.10",),
            relist_seconds=1.0,
            sources_seconds=600.0,
        )

    async def start(self) -> None:
        clock, chance = SystemClock(), Chance()
        self.runtime: CriRuntime = await self.instance.runtime()
        self.agent = NodeAgent(self.config, self.client, self.runtime, clock, chance)
        await self.agent.start()

    async def stop(self) -> None:
        await self.agent.stop()
        await self.runtime.stop()

    async def create(self, name: str, containers: list[Obj], **spec: Any) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
            "spec": {"nodeName": "node-0", "terminationGracePeriodSeconds": 5, "containers": containers, **spec},
        }
        await self.client.create(pod)

    async def pod(self, name: str) -> Obj:
        return await self.client.get("Pod", name, "default")

    async def until(self, name: str, true: Callable[[Obj], Any]) -> Obj:
        """Wait until something holds for a pod."""
        pod: Obj = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while not true(pod := await self.pod(name)):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{pod.get('status')}\n{await self.told(name)}") from None
        return pod

    async def until_gone(self, name: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.pod(name)
                except ApiError as refusal:
                    assert refusal.reason == "NotFound"
                    return
                await asyncio.sleep(0.01)

    async def told(self, name: str) -> list[tuple[str, str]]:
        events = (await self.client.list("Event", "default")).items
        return [(e["reason"], e["message"]) for e in events if e["involvedObject"]["name"] == name]

    async def until_told(self, name: str, reason: str, message: str = "") -> None:
        """Events come a moment after what they tell of. ``message``: all of it, if it is given."""
        async with asyncio.timeout(PATIENCE):
            while not any(r == reason and message in ("", m) for r, m in await self.told(name)):
                await asyncio.sleep(0.02)

    async def output(self, pod: Obj, *argv: str) -> str:
        result = await self.runtime.exec(container_id(pod), argv, 60)
        assert result.exit_code == 0, result
        return result.output.decode()

    async def is_clean(self) -> None:
        """Nothing is left of any pod. (One that had ended goes from the API before the node has cleaned up.)"""
        left: list[object] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while left := await self._left():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"left: {left}") from None

    async def _left(self) -> list[object]:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return [
            *await self.runtime.list_sandboxes(),
            *await self.runtime.list_containers(),
            *(self.config.data_dir / "pods").iterdir(),
            *(self.config.data_dir / "logs").iterdir(),
            *cgroups.named(lambda name: name.startswith("pod"), lambda path: f"/{self.config.cgroup}" in path),
            *(mount for mount in mounts if str(self.config.data_dir) in mount),
        ]


def container_id(pod: Obj, index: int = 0) -> str:
    return str(pod["status"]["containerStatuses"][index]["containerID"]).removeprefix("containerd://")


def is_ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def shell(script: str = "", **more: Any) -> Obj:
    return {"name": "main", "image": "busybox:1.28", "command": ["sh", "-c", SHELL.format(script)], **more}


@asynccontextmanager
async def api() -> AsyncIterator[LocalClient]:
    store = MemoryStore(stamp, history_limit=5000)
    await store.open()
    server = ApiServer(store, SystemClock(), Chance())
    await server.start()
    client = LocalClient(server)
    for name in ("default", "kube-node-lease"):
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"metadata": {"name": "default", "namespace": name}, "automountServiceAccountToken": False}
        await client.create({"apiVersion": "v1", "kind": "ServiceAccount", **account})
    try:
        yield client
    finally:
        await store.close()


def tell(instance: containerd_instance.Instance, story: Callable[[Node], Awaitable[None]]) -> None:
    """Run a story with a started node; all its pods are deleted afterwards, and nothing may be left of them."""

    async def whole() -> None:
        async with api() as client:
            node = Node(instance, client)
            await node.start()
            try:
                async with asyncio.timeout(600):
                    await story(node)
                    for pod in (await client.list("Pod", "default")).items:
                        if "deletionTimestamp" not in pod["metadata"]:
                            await client.delete("Pod", pod["metadata"]["name"], "default", grace_seconds=1)
                    for pod in (await client.list("Pod", "default")).items:
                        await node.until_gone(pod["metadata"]["name"])
                    await node.is_clean()
            finally:
                await node.stop()

    with network(instance.network):
        asyncio.run(whole())


def test_a_pod_runs_serves_and_is_ready_by_its_probe(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        probe = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1}
        nginx = {"name": "web", "image": "nginx:1.14.2", "ports": [{"name": "web", "containerPort": 80}]}
        await node.create("nginx", [{**nginx, "readinessProbe": probe, "livenessProbe": probe}])
        pod = await node.until("nginx", is_ready)
        status = pod["status"]
        assert status["phase"] == "Running"
        assert status["podIP"].startswith("10.244.250.")
        assert status["containerStatuses"][0]["image"] == "docker.io/library/nginx:1.14.2"
        assert b"nginx" in node.instance.in_network("busybox", "wget", "-qO-", f"http://{status['podIP']}/").stdout
        have = 'Container image "nginx:1.14.2" already present on machine and can be accessed by the pod'
        await node.until_told("nginx", "Pulled", have)
        await node.until_told("nginx", "Created", "Container created")
        await node.until_told("nginx", "Started", "Container started")
        itself = await node.client.get("Node", node.config.name)
        assert any("docker.io/library/nginx:1.14.2" in each["names"] for each in itself["status"]["images"])
        for reason in ("Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeReady"):
            await node.until_told(node.config.name, reason)

    tell(instance, story)


def test_a_killed_process_is_started_again_and_told_at_once(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        await node.stop()
        node.config = replace(node.config, relist_seconds=600.0)  # so that it is an event that tells
        await node.start()
        await node.create("killed", [shell()])
        pod = await node.until("killed", is_ready)
        before = container_id(pod)
        pid = main_process(node.config.cgroup, before)
        os.kill(pid, 9)
        pod = await node.until("killed", lambda pod: is_ready(pod) and container_id(pod) != before)
        status = pod["status"]["containerStatuses"][0]
        assert status["restartCount"] == 1
        assert status["lastState"]["terminated"]["exitCode"] == 137
        assert status["lastState"]["terminated"]["containerID"] == f"containerd://{before}"

    tell(instance, story)


def main_process(cgroup: str, container: str) -> int:
    """The first process of a container, found by its cgroup."""
    for directory in cgroups.named(lambda name: name == container, lambda path: f"/{cgroup}" in path):
        if found := cgroups.pids(directory):
            return found[0]
    raise AssertionError(f"no cgroup of {container}")


def test_environment_volumes_and_files(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        settings = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "settings", "namespace": "default"}}
        await node.client.create({**settings, "data": {"color": "blue", "app.conf": "x=1\n"}})
        secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "key", "namespace": "default"}}
        await node.client.create({**secret, "data": {"password": base64.b64encode(b"hush").decode()}})
        env = [
            {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "key", "key": "password"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "BOTH", "value": "$(NAME)-$(COLOR)"},
        ]
        mounts = [
            {"name": "settings", "mountPath": "/etc/settings"},
            {"name": "settings", "mountPath": "/etc/app.conf", "subPath": "app.conf"},
            {"name": "key", "mountPath": "/etc/key"},
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "memory", "mountPath": "/memory"},
            {"name": "me", "mountPath": "/me"},
        ]
        volumes = [
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "key", "secret": {"secretName": "key", "defaultMode": 0o400}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "me", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ]
        await node.create("files", [shell(env=env, volumeMounts=mounts)], volumes=volumes, subdomain="sub")
        pod = await node.until("files", is_ready)
        ip = pod["status"]["podIP"]
        said = await node.output(pod, "sh", "-c", "echo $COLOR $PASSWORD $NAME $IP $BOTH")
        assert said.split() == ["blue", "hush", "files", ip, "files-blue"]
        assert await node.output(pod, "cat", "/etc/app.conf", "/etc/key/password") == "x=1\nhush"
        mounted = await node.output(pod, "cat", "/proc/mounts")
        kinds = {line.split()[1]: line.split()[2] for line in mounted.splitlines()}
        assert (kinds["/etc/key"], kinds["/me"]) == ("tmpfs", "tmpfs")
        assert await node.output(pod, "cat", "/me/l") == 'app="files"'
        assert await node.output(pod, "sh", "-c", "echo hi > /scratch/f; cat /scratch/f; hostname") == "hi\nfiles\n"
        assert f"{ip}\tfiles.sub.default.svc.cluster.local\tfiles" in await node.output(pod, "cat", "/etc/hosts")
        resolv = await node.output(pod, "cat", "/etc/resolv.conf")
        assert "nameserver 10.96.0.10" in resolv and "search default.svc.cluster.local svc.cluster.local" in resolv
        full = await node.runtime.exec(
            container_id(pod), ["dd", "if=/dev/zero", "of=/memory/f", "bs=1M", "count=2"], 60
        )
        assert full.exit_code != 0 and b"No space left" in full.output
        await node.client.patch("ConfigMap", "settings", "default", patch={"data": {"color": "red"}})
        async with asyncio.timeout(PATIENCE):
            while await node.output(pod, "cat", "/etc/settings/color") != "red":
                await asyncio.sleep(0.1)

    tell(instance, story)


def test_secrets_in_memory_outlive_the_agent_and_follow_their_source(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "kept", "namespace": "default"}}
        await node.client.create({**secret, "stringData": {"password": "hush"}})
        volumes = [{"name": "key", "secret": {"secretName": "kept"}}]
        await node.create("kept", [shell(volumeMounts=[{"name": "key", "mountPath": "/key"}])], volumes=volumes)
        pod = await node.until("kept", is_ready)
        await node.stop()
        assert os.path.ismount(node.config.data_dir / "credentials")
        await node.start()
        await node.client.patch("Secret", "kept", "default", patch={"stringData": {"password": "other"}})
        async with asyncio.timeout(PATIENCE):
            while await node.output(pod, "cat", "/key/password") != "other":
                await asyncio.sleep(0.1)
        assert (await node.pod("kept"))["status"]["containerStatuses"][0]["restartCount"] == 0

    tell(instance, story)


def test_image_volumes(instance: containerd_instance.Instance, tmp_path: Path) -> None:
    first = [oci.File("/dir/file", b"1"), oci.File("/tool", b"#!/bin/sh\n", 0o755)]

    async def story(node: Node) -> None:
        archive = tmp_path / "data.tar"
        oci.write_archive(archive, [data_image(first, [oci.File("/dir/file", b"2"), oci.File("/other", b"3")])])
        await node.runtime.load_image(archive)
        volumes = [{"name": "data", "image": {"reference": "podo.local/data:1", "pullPolicy": "IfNotPresent"}}]
        mounts = [
            {"name": "data", "mountPath": "/data"},
            {"name": "data", "mountPath": "/part", "subPath": "dir"},
        ]
        await node.create("image", [shell(volumeMounts=mounts)], volumes=volumes)
        pod = await node.until("image", is_ready)
        assert await node.output(pod, "cat", "/data/dir/file", "/data/other", "/part/file") == "232"
        for path in ("/data/new", "/part/new"):
            refused = await node.runtime.exec(container_id(pod), ["touch", path], 60)
            assert b"Read-only file system" in refused.output
        assert len(await node.runtime.viewed_images()) == 1
        await node.runtime.remove_image("podo.local/data:1")
        assert await node.output(pod, "cat", "/data/dir/file") == "2"
        gone = {"name": "gone", "image": {"reference": "podo.local/data:1", "pullPolicy": "Never"}}
        await node.create("gone", [shell(volumeMounts=[{**mounts[0], "name": "gone"}])], volumes=[gone])
        refused_pod = await node.until("gone", lambda pod: waiting(pod) == "ErrImageNeverPull")
        assert refused_pod["status"]["phase"] == "Pending"
        await node.client.delete("Pod", "image", "default")
        await node.until_gone("image")
        async with asyncio.timeout(PATIENCE):
            while await node.runtime.viewed_images():
                await asyncio.sleep(0.02)

    tell(instance, story)


def test_an_image_volume_is_pulled_by_its_own_policy(instance: containerd_instance.Instance) -> None:
    """With the policy Always, and more volumes than one."""

    async def story(node: Node) -> None:
        with registry(data_image([oci.File("/dir/file", b"content")])) as server:
            reference = f"{server.address}/data:1"
            volumes = [
                {"name": name, "image": {"reference": reference, "pullPolicy": "Always"}} for name in ("one", "two")
            ]
            mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("one", "two")]
            await node.create("pulls", [shell(volumeMounts=mounts)], volumes=volumes)
            pod = await node.until("pulls", is_ready)
            assert await node.output(pod, "cat", "/one/dir/file", "/two/dir/file") == "contentcontent"

            async def pulled() -> int:
                told = [message for reason, message in await node.told("pulls") if reason == "Pulled"]
                return sum(f'Successfully pulled image "{reference}"' in message for message in told)

            async with asyncio.timeout(PATIENCE):
                while await pulled() != 2:
                    await asyncio.sleep(0.02)
            absent = {"name": "no", "image": {"reference": f"{server.address}/data:2", "pullPolicy": "Always"}}
            await node.create("absent", [shell(volumeMounts=[{"name": "no", "mountPath": "/no"}])], volumes=[absent])
            await node.until("absent", lambda pod: waiting(pod) in ("ErrImagePull", "ImagePullBackOff"))

    tell(instance, story)


def test_a_mirror_is_asked_first_and_what_it_lacks_the_registry(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        there = data_image([oci.File("/file", b"of the registry")])
        copy = oci.Image(("podo.local/copied:1",), there.layers, there.architecture)
        with registry(there, copy) as origin, registry(copy) as mirror:
            registries = containerd.Paths(instance.directory).registries
            containerd.write_mirror(registries / origin.address, f"http://{mirror.address}")
            volume = {"name": "v", "image": {"reference": f"{origin.address}/copied:1", "pullPolicy": "Always"}}
            await node.create("mirrored", [shell(volumeMounts=[{"name": "v", "mountPath": "/v"}])], volumes=[volume])
            await node.until("mirrored", is_ready)
            assert (bool(mirror.asked), origin.asked) == (True, [])
            await node.runtime.pull_image(f"{origin.address}/data:1")
            assert any("/data/manifests/1" in path for path in mirror.asked)
            assert any("/data/manifests/1" in path for path in origin.asked)
            containerd.write_mirror(registries / origin.address, f"http://{mirror.address}", fallback=False)
            with pytest.raises(RuntimeFailure, match="not found"):
                await node.runtime.pull_image(f"{origin.address}/data:2")
            assert not any("/data/manifests/2" in path for path in origin.asked)

    tell(instance, story)


def test_an_image_pulled_with_a_password_is_not_everybodys(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        secret_image = data_image([oci.File("/file", b"secret")])
        with registry(secret_image, login=("jane", "hush")) as server:
            auths = {"auths": {server.address: {"username": "jane", "password": "hush"}}}
            kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
            metadata = {"name": "login", "namespace": "default"}
            await node.client.create(
                {**kind, "metadata": metadata, "stringData": {".dockerconfigjson": json.dumps(auths)}}
            )
            volume = {"name": "v", "image": {"reference": f"{server.address}/data:1", "pullPolicy": "IfNotPresent"}}
            mounted = [shell(volumeMounts=[{"name": "v", "mountPath": "/v"}])]
            await node.create("has", mounted, volumes=[volume], imagePullSecrets=[{"name": "login"}])
            await node.until("has", is_ready)
            await node.create("lacks", mounted, volumes=[volume])
            await node.until("lacks", lambda pod: waiting(pod) in ("ErrImagePull", "ImagePullBackOff"))
            await node.stop()
            await node.start()  # the records are on the disk
            await node.create("still-lacks", mounted, volumes=[volume])
            await node.until("still-lacks", lambda pod: waiting(pod) in ("ErrImagePull", "ImagePullBackOff"))
            asked = len(server.asked)
            await node.create("has-too", mounted, volumes=[volume], imagePullSecrets=[{"name": "login"}])
            await node.until("has-too", is_ready)
            assert len(server.asked) == asked

    tell(instance, story)


def waiting(pod: Obj) -> str:
    """Why the first container waits."""
    state = (pod["status"].get("containerStatuses") or [{}])[0].get("state") or {}
    return str((state.get("waiting") or {}).get("reason") or "")


def test_graceful_termination_and_hooks(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        hooks = {
            "postStart": {"exec": {"command": ["sh", "-c", "echo started > /tmp/hook"]}},
            "preStop": {"exec": {"command": ["sh", "-c", "echo bye > /dev/termination-log"]}},
        }
        await node.create("polite", [shell(lifecycle=hooks)], terminationGracePeriodSeconds=1000)
        pod = await node.until("polite", is_ready)
        assert await node.output(pod, "cat", "/tmp/hook") == "started\n"
        deaf = {**shell(), "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]}
        await node.create("stubborn", [deaf], terminationGracePeriodSeconds=1000)
        await node.until("stubborn", is_ready)

        async def watch() -> Obj:
            """The pod as it was at last."""
            async for events in node.client.watch("Pod", "default", fields="metadata.name=polite"):
                for event in events:
                    if event.type == "DELETED":
                        return event.object
            raise AssertionError("the watch has ended")

        watching = asyncio.create_task(watch())
        loop = asyncio.get_running_loop()
        await node.client.delete("Pod", "polite", "default")
        await node.until_gone("polite")  # its grace would take longer
        async with asyncio.timeout(PATIENCE):
            last = await watching
        ended = last["status"]["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["message"]) == (0, "bye\n")
        await node.until_told("polite", "Killing", "Stopping container main")
        began = loop.time()
        await node.client.delete("Pod", "stubborn", "default", grace_seconds=2)
        await node.until_gone("stubborn")
        assert loop.time() - began > 1.5

    tell(instance, story)


def test_init_containers_sidecars_and_completion(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        volume = [{"name": "shared", "emptyDir": {}}]
        mounts = [{"name": "shared", "mountPath": "/shared"}]
        write = {"name": "write", "image": "busybox:1.28", "command": ["sh", "-c", "echo made > /shared/f"]}
        hooks = {"preStop": {"exec": {"command": ["sh", "-c", "echo hooked > /dev/termination-log"]}}}
        sidecar = {**shell(), "name": "side", "restartPolicy": "Always", "lifecycle": hooks}
        read = {"name": "read", "image": "busybox:1.28", "command": ["cat", "/shared/f"], "volumeMounts": mounts}
        inits = [{**write, "volumeMounts": mounts}, sidecar]
        await node.create("job", [read], initContainers=inits, restartPolicy="Never", volumes=volume)
        pod = await node.until("job", lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"))
        assert pod["status"]["phase"] == "Succeeded", pod["status"]
        side = pod["status"]["initContainerStatuses"][1]["state"]["terminated"]
        assert (side["exitCode"], side["message"]) == (0, "hooked\n")
        log = next((node.config.data_dir / "logs").glob("*/read/0.log"))
        assert " stdout F made\n" in log.read_text()

    tell(instance, story)


def test_failures_have_their_reasons(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        def waits(*reasons: str) -> Callable[[Obj], bool]:
            return lambda pod: any(
                entry["state"].get("waiting", {}).get("reason") in reasons
                for entry in pod["status"].get("containerStatuses", ())
            )

        await node.create("absent", [{"name": "main", "image": "127.0.0.1:1/absent:1"}])
        await node.create("invalid", [{"name": "main", "image": "Not A Name"}])
        await node.create("never", [{"name": "main", "image": "nothere:1", "imagePullPolicy": "Never"}])
        env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "nothing", "key": "x"}}}]
        await node.create("unset", [shell(env=env)])
        await node.create("crashing", [{**shell(), "command": ["sh", "-c", "echo no; exit 3"]}])
        await node.create("mistyped", [{**shell(), "command": ["no-such-program"]}])
        await node.create("unmounted", [shell()], volumes=[{"name": "v", "configMap": {"name": "nothing"}}])
        pod = await node.until("crashing", waits("CrashLoopBackOff"))
        status = pod["status"]["containerStatuses"][0]
        assert status["lastState"]["terminated"]["exitCode"] == 3
        assert status["restartCount"] == 1
        assert status["state"]["waiting"]["message"].startswith("back-off 10s restarting failed container=main pod=")
        await node.until("invalid", waits("InvalidImageName"))
        await node.until("never", waits("ErrImageNeverPull"))
        await node.until("unset", waits("CreateContainerConfigError"))
        await node.until("absent", waits("ErrImagePull", "ImagePullBackOff"))
        await node.until("mistyped", waits("RunContainerError", "CrashLoopBackOff"))
        await node.until("absent", waits("ImagePullBackOff"))
        await node.until("mistyped", waits("CrashLoopBackOff"))
        await node.until_told("unmounted", "FailedMount")

    tell(instance, story)


def test_liveness_restarts(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        often = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 30, "initialDelaySeconds": 1}
        probe = {"exec": {"command": ["test", "-f", "/tmp/well"]}, **often}
        await node.create("sick", [shell("echo > /tmp/well;", livenessProbe=probe)])
        pod = await node.until("sick", is_ready)
        await node.output(pod, "rm", "/tmp/well")
        pod = await node.until("sick", lambda pod: pod["status"]["containerStatuses"][0]["restartCount"] == 1)
        await node.until_told("sick", "Killing", "Container main failed liveness probe, will be restarted")
        await node.until_told("sick", "Unhealthy")

    tell(instance, story)


def test_containers_are_adopted_and_orphans_ended(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 30}
        await node.create("kept", [shell(readinessProbe=probe)])
        await node.create("orphan", [shell()])
        kept = await node.until("kept", is_ready)
        await node.until("orphan", is_ready)
        await node.stop()
        await node.client.delete("Pod", "orphan", "default", grace_seconds=0)
        await node.start()
        async with asyncio.timeout(PATIENCE):
            while len(await node.runtime.list_sandboxes()) > 1:
                await asyncio.sleep(0.02)
        again = await node.pod("kept")
        assert container_id(again) == container_id(kept)
        assert again["status"]["conditions"] == kept["status"]["conditions"]
        assert again["status"]["containerStatuses"] == kept["status"]["containerStatuses"]
        sandbox = (await node.runtime.list_sandboxes())[0]
        await node.runtime.stop_sandbox(sandbox.id)
        lost = container_id(kept)
        old_ip = kept["status"]["podIP"]
        pod = await node.until(
            "kept", lambda pod: is_ready(pod) and container_id(pod) != lost and pod["status"]["podIP"] != old_ip
        )
        # Containers end before their sandbox does: one start may have been lost in the old sandbox.
        assert pod["status"]["containerStatuses"][0]["restartCount"] in (1, 2)

    tell(instance, story)
