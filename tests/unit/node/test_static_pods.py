"""Static pods on a simulated node, against the real API server, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from podo.api.errors import ApiError
from podo.apiserver.local import LocalClient
from podo.client.contract import Unreachable
from podo.node.agent import NodeAgent
from podo.node.podaccess import AgentPods
from podo.node.static.directory import ManifestDirectory
from tests.unit.node.test_agent import Node, is_running, restarts
from tests.unit.node.test_agent import tell as tell_of_node

Obj = dict[str, Any]
NAME = "web-n1"
MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: web, image: "nginx:1.14.2"}
"""


class Static:
    """A node with a directory of manifests. ``manifests``: that directory."""

    def __init__(self, node: Node, manifests: Path) -> None:
        self.node, self.manifests = node, manifests
        self.client, self.runtime = node.client, node.runtime
        node.config = replace(node.config, manifests=manifests)

    @property
    def agent(self) -> NodeAgent:
        return self.node.agent

    async def restart(self) -> None:
        await self.agent.stop()
        self.node.agent = self.node.new_agent()
        await self.agent.start()

    def write(self, text: str = MANIFEST, file: str = "web.yaml") -> None:
        (self.manifests / file).write_text(text)

    async def pod(self, name: str = NAME) -> Obj | None:
        try:
            return await self.node.pod(name)
        except ApiError as missing:
            assert missing.reason == "NotFound"
            return None

    async def until(self, true: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(300):
            while not (found := await true()):
                await asyncio.sleep(0.05)
            return found

    async def running(self, name: str = NAME, uid: str = "") -> Obj:
        """The mirror pod, Running; another one than that of ``uid``."""

        async def is_there() -> Obj | None:
            pod = await self.pod(name)
            return pod if pod and is_running(pod) and pod["metadata"]["uid"] != uid else None

        found: Obj = await self.until(is_there)
        return found

    async def containers(self) -> list[str]:
        return sorted(one.id for one in await self.runtime.list_containers() if one.state == "running")

    async def told(self) -> list[str]:
        return [message for _, message, _ in await self.node.told()]


def tell(directory: Path, story: Callable[[Static], Awaitable[None]]) -> None:
    async def whole(node: Node) -> None:
        static = Static(node, directory)
        await static.restart()
        await story(static)

    tell_of_node(whole)


def hash_of(pod: Obj) -> str:
    return str(pod["metadata"]["annotations"]["kubernetes.io/config.hash"])


def test_a_manifest_becomes_a_pod_and_the_api_shows_it(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        pod = await node.running()
        metadata, marks = pod["metadata"], pod["metadata"]["annotations"]
        assert metadata["namespace"] == "default" and metadata["labels"] == {"app": "web"}
        assert marks["kubernetes.io/config.source"] == "file" and "kubernetes.io/config.seen" in marks
        assert marks["kubernetes.io/config.mirror"] == marks["kubernetes.io/config.hash"] != metadata["uid"]
        owner = (await node.client.get("Node", "n1"))["metadata"]
        assert metadata["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": owner["uid"], "controller": True}
        ]
        assert pod["spec"]["nodeName"] == "n1" and pod["spec"]["restartPolicy"] == "Always"
        assert {"operator": "Exists", "effect": "NoExecute"} in pod["spec"]["tolerations"]
        assert pod["status"]["podIP"] == "10.244.3.2"
        assert pod["status"]["containerStatuses"][0]["ready"] is True
        found = AgentPods(node.agent).container("default", NAME, "web")
        assert found is not None and pod["status"]["containerStatuses"][0]["containerID"].endswith(found.id)

    tell(tmp_path, story)


def test_a_mirror_that_somebody_deletes_is_made_anew_and_nothing_restarts(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        first, ran = await node.running(), await node.containers()
        for grace in (None, 0):
            await node.client.delete("Pod", NAME, "default", grace_seconds=grace)
            again = await node.running(uid=first["metadata"]["uid"])
            assert hash_of(again) == hash_of(first) and again["status"]["startTime"] == first["status"]["startTime"]
            assert await node.containers() == ran and restarts(again) == 0
            first = again

    tell(tmp_path, story)


def test_a_changed_manifest_replaces_the_pod(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        first, ran = await node.running(), await node.containers()
        node.write(MANIFEST.replace("1.14.2", "1.16.1"))
        second = await node.running(uid=first["metadata"]["uid"])
        assert hash_of(second) != hash_of(first)
        assert second["spec"]["containers"][0]["image"] == "nginx:1.16.1"
        (container,) = await node.containers()
        assert [container] != ran
        node.write(MANIFEST)  # as at first: the same hash again
        assert hash_of(await node.running(uid=second["metadata"]["uid"])) == hash_of(first)

    tell(tmp_path, story)


def test_a_manifest_that_goes_takes_its_pod_along(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        await node.running()
        (node.manifests / "web.yaml").unlink()

        async def is_gone() -> bool:
            return await node.pod() is None

        await node.until(is_gone)
        assert await node.containers() == [] and await node.runtime.list_sandboxes() == []

    tell(tmp_path, story)


def test_an_agent_that_restarts_takes_over_what_runs_and_ends_what_has_no_manifest_now(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        node.write(MANIFEST.replace("name: web,", "name: other,"), "other.json")
        first, other = await node.running(), await node.running("other-n1")
        ran = await node.containers()
        await node.agent.stop()
        (node.manifests / "other.json").unlink()
        await node.restart()

        async def is_gone() -> bool:
            return await node.pod("other-n1") is None and len(await node.containers()) == 1

        await node.until(is_gone)
        assert set(await node.containers()) < set(ran)
        again = await node.running()
        assert again["metadata"]["uid"] == first["metadata"]["uid"] and restarts(again) == 0
        assert again["status"]["startTime"] == first["status"]["startTime"]
        assert other["metadata"]["uid"] != first["metadata"]["uid"]

    tell(tmp_path, story)


def test_an_agent_that_was_stopped_while_a_manifest_changed(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        first = await node.running()
        await node.agent.stop()
        node.write(MANIFEST.replace("1.14.2", "1.16.1"))
        await node.restart()
        second = await node.running(uid=first["metadata"]["uid"])
        assert second["spec"]["containers"][0]["image"] == "nginx:1.16.1"

        async def is_alone() -> bool:
            return len(await node.containers()) == 1

        await node.until(is_alone)

    tell(tmp_path, story)


def test_it_runs_while_the_api_cannot_be_reached(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write()
        await node.agent.stop()
        node.node.agent = node.node.new_agent(client=cast(LocalClient, Cut(node.client)))
        starting = asyncio.get_running_loop().create_task(node.agent.start())

        async def is_running_here() -> list[str]:
            return await node.containers()

        await node.until(is_running_here)
        assert not starting.done() and await node.pod() is None
        assert node.agent.pods[0]["status"]["phase"] == "Running"
        starting.cancel()
        ran = await node.containers()
        await node.restart()  # now it is there
        assert (await node.running())["status"]["phase"] == "Running"
        assert await node.containers() == ran

    tell(tmp_path, story)


class Cut:
    """An API server that nobody reaches."""

    over_network = True

    def __init__(self, client: LocalClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        async def fail(*args: Any, **more: Any) -> Any:
            raise Unreachable("cut")

        async def fail_watching(*args: Any, **more: Any) -> AsyncIterator[Any]:
            raise Unreachable("cut")
            yield

        return fail_watching if name == "watch" else fail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "couldn't parse as pod: yaml: "),
        ("kind: Service\napiVersion: v1\n", "couldn't parse as pod: it is v1, Kind=Service, not v1, Kind=Pod"),
        ("kind: Pod\napiVersion: v1\nmetadata: {}\n", "invalid pod: name is needed for the pod"),
        (MANIFEST.replace("nginx:1.14.2", ""), "invalid pod: [spec.containers[0].image: Required value]"),
        (MANIFEST.replace("containers:", "containers: 3\n  x:"), "couldn't parse as pod: Pod in version"),
        (MANIFEST + "  serviceAccountName: build\n", "static pods may not reference serviceaccounts"),
        (MANIFEST + "  volumes: [{name: v, secret: {secretName: s}}]\n", "static pods may not reference secrets"),
        (MANIFEST + "  volumes: [{name: v, configMap: {name: c}}]\n", "static pods may not reference configmaps"),
    ],
)
def test_a_broken_manifest_is_told_and_harms_nothing(tmp_path: Path, text: str, why: str) -> None:
    async def story(node: Static) -> None:
        node.write()
        node.write(text, "broken.yaml")
        node.write("no manifest at all", ".hidden")
        (node.manifests / "directory").mkdir()
        await node.running()
        await asyncio.sleep(60)
        (said,) = [message for message in await node.told() if "manifest" in message]
        assert said.startswith(f"Can't process manifest file {tmp_path}/broken.yaml: {why}")
        assert len(await node.containers()) == 1

    tell(tmp_path, story)


def test_of_two_manifests_with_one_name_the_later_files_counts(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write(file="a.yaml")
        node.write(MANIFEST.replace("1.14.2", "1.16.1"), "b.yaml")
        pod = await node.running()
        assert pod["spec"]["containers"][0]["image"] == "nginx:1.16.1" and len(await node.containers()) == 1
        said = f"Can't process manifest file {tmp_path}/a.yaml: {tmp_path}/b.yaml has a pod of the same name"
        assert said in await node.told()

    tell(tmp_path, story)


def test_a_pod_without_room_is_refused_and_shown(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        node.write(MANIFEST.replace('"nginx:1.14.2"', '"nginx:1.14.2", resources: {requests: {cpu: 10k}}'))

        async def is_failed() -> Obj | None:
            pod = await node.pod()
            return pod if pod and pod["status"]["phase"] == "Failed" else None

        assert (await node.until(is_failed))["status"]["reason"] == "OutOfcpu"
        node.write()
        assert (await node.running())["status"]["phase"] == "Running"

    tell(tmp_path, story)


def test_what_was_no_static_pods_mirror_is_removed(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        await node.node.create("left", notes={"kubernetes.io/config.mirror": "x"})

        async def is_gone() -> bool:
            return await node.pod("left") is None

        await node.until(is_gone)
        assert await node.runtime.list_sandboxes() == []

    tell(tmp_path, story)


def test_a_name_that_another_pod_has_is_waited_for(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        await node.node.create(NAME)
        other = await node.running()
        node.write()
        await asyncio.sleep(60)
        assert len(await node.containers()) == 2  # it runs, and nobody sees it
        await node.client.delete("Pod", NAME, "default", grace_seconds=0)
        assert (
            "kubernetes.io/config.mirror"
            in (await node.running(uid=other["metadata"]["uid"]))["metadata"]["annotations"]
        )

    tell(tmp_path, story)


def test_a_static_pod_that_restarts_is_told(tmp_path: Path) -> None:
    async def story(node: Static) -> None:
        crashing = "name: web, annotations: {podo.dev/run-seconds: '1', podo.dev/exit-code: '3'},"
        node.write(MANIFEST.replace("name: web,", crashing))

        async def has_restarted() -> bool:
            pod = await node.pod()
            return pod is not None and restarts(pod) > 2

        await node.until(has_restarted)
        pod = await node.pod()
        events = (await node.client.list("Event", "default")).items
        back_off = next(event for event in events if event["reason"] == "BackOff")
        assert pod and back_off["involvedObject"]["uid"] == hash_of(pod)  # as kubectl describe looks for it

    tell(tmp_path, story)


def test_a_directory_is_read_when_it_is_still(tmp_path: Path) -> None:
    directory = ManifestDirectory(tmp_path / "manifests")
    assert directory.look() is None  # not there: no files
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_bytes(b"a")
    assert directory.look() is None
    (tmp_path / "manifests" / "b.yaml").write_bytes(b"b")
    assert directory.look() is None
    assert directory.look() == {f"{tmp_path}/manifests/a.yaml": b"a", f"{tmp_path}/manifests/b.yaml": b"b"}
    assert directory.look() is None
    (tmp_path / "manifests" / "a.yaml").unlink()
    assert directory.look() is None
    assert directory.look() == {f"{tmp_path}/manifests/b.yaml": b"b"}
