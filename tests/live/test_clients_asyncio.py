"""The official client's asynchronous sister (PyPI ``kubernetes_asyncio``), as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster

pytest.importorskip("kubernetes_asyncio", reason="not installed: pip install -e '.[clients]'")

from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.stream import WsApiClient

pytestmark = pytest.mark.live
SPACE = "asynchronous"


def connected(cluster: Cluster, story: Callable[[Any], Awaitable[None]], kind: Any = client.ApiClient) -> None:
    """Tell ``story`` with a client, within five minutes."""

    async def whole() -> None:
        settings = client.Configuration()
        await config.load_kube_config(str(cluster.kubeconfig), f"podo-{cluster.name}", settings)
        async with asyncio.timeout(300), kind(settings) as api:
            await story(api)

    asyncio.run(whole())


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"of": "test"}}, "data": data}


def test_objects_and_watches(simulated_cluster: Cluster) -> None:
    async def story(api: Any) -> None:
        core = client.CoreV1Api(api)
        await core.create_namespace({"metadata": {"name": SPACE}})
        listed = await core.list_namespaced_config_map(SPACE, label_selector="of=test")

        async def write() -> None:
            await core.create_namespaced_config_map(SPACE, config_map("one", a="1"))
            with pytest.raises(ApiException) as refused:
                await core.create_namespaced_config_map(SPACE, config_map("one"))
            assert refused.value.status == 409
            await core.patch_namespaced_config_map("one", SPACE, {"data": {"a": "2"}})
            await core.delete_namespaced_config_map("one", SPACE)

        writing = asyncio.ensure_future(write())
        seen = []
        begin = {"label_selector": "of=test", "resource_version": listed.metadata.resource_version}
        async with watch.Watch() as watching:
            async for event in watching.stream(core.list_namespaced_config_map, SPACE, **begin, timeout_seconds=120):
                seen.append((event["type"], event["object"].data["a"]))
                if event["type"] == "DELETED":
                    break
        await writing
        assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]
        await core.delete_namespace(SPACE)

    connected(simulated_cluster, story)


def test_many_requests_at_once(simulated_cluster: Cluster) -> None:
    async def story(api: Any) -> None:
        core = client.CoreV1Api(api)
        names = [f"many-{number}" for number in range(100)]
        await asyncio.gather(*(core.create_namespaced_config_map("default", config_map(name)) for name in names))
        found = await asyncio.gather(*(core.read_namespaced_config_map(name, "default") for name in names))
        assert [each.metadata.name for each in found] == names
        await core.delete_collection_namespaced_config_map("default", label_selector="of=test")
        assert (await core.list_namespaced_config_map("default", label_selector="of=test")).items == []

    connected(simulated_cluster, story)


@needs_root
@needs_containerd
def test_exec(shared_cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.pod("it"))
    kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")

    async def story(api: Any) -> None:
        core = client.CoreV1Api(api)
        command = ["sh", "-c", "echo out; echo err >&2"]
        streams = {"stdin": False, "stdout": True, "stderr": True, "tty": False}
        said = await core.connect_get_namespaced_pod_exec("it", kubectl.namespace, command=command, **streams)
        assert sorted(said.split()) == ["err", "out"]

    connected(shared_cluster, story, WsApiClient)
