"""Static pods on a simulated node, against the real API server, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from podo.api.errors import ApiError
from podo.client.contract import Unreachable
from podo.node.podaccess import AgentPods
from tests.unit.node.test_agent import Node, is_running, restarts, tell

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


class Static(Node):
    """A node with a directory of manifests, which is started by the story."""

    directory: Path

    async def begin(self) -> None:
        await self.agent.stop()  # the one without a directory
        self.config = replace(self.config, manifests=self.directory)
        await self.restart()

    async def restart(self) -> None:
        await self.agent.stop()
        self.agent = self.new_agent()
        await self.agent.start()

    def write(self, text: str = MANIFEST, file: str = "web.yaml") -> None:
        (self.directory / file).write_text(text)

    async def running(self, name: str = NAME) -> Obj:
        return await self.until_there(is_running, name)

    async def until_there(self, true: Callable[[Obj], Any], name: str = NAME) -> Obj:
        async with asyncio.timeout(300):
            while True:
                try:
                    if true(pod := await self.pod(name)):
                        return pod
                except ApiError as missing:
                    assert missing.reason == "NotFound"
                await asyncio.sleep(0.05)

    async def containers(self) -> list[str]:
        return sorted(one.id for one in await self.runtime.list_containers() if one.state == "running")


def tell_static(directory: Path, story: Callable[[Static], Awaitable[None]]) -> None:
    async def whole(node: Node) -> None:
        node.__class__ = Static
        assert isinstance(node, Static)
        node.directory = directory
        await node.begin()
        await story(node)

    tell(whole)


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

    tell_static(tmp_path, story)
