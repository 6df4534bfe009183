"""The typed client lightkube, as it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.podo import Cluster
from tests.live.waiting import eventually

lightkube = pytest.importorskip("lightkube.core", reason="not installed: pip install -e '.[clients]'")

from lightkube import ApiError, Client, KubeConfig  # noqa: E402
from lightkube.generic_resource import create_namespaced_resource  # noqa: E402
from lightkube.models.apps_v1 import DeploymentSpec  # noqa: E402
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec  # noqa: E402
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta  # noqa: E402
from lightkube.resources.apps_v1 import Deployment  # noqa: E402
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod  # noqa: E402
from lightkube.types import CascadeType, PatchType  # noqa: E402

pytestmark = pytest.mark.live
SPACE = "typed"


@pytest.fixture
def client(simulated_cluster: Cluster) -> Iterator[Any]:
    settings = KubeConfig.from_file(simulated_cluster.kubeconfig).get(f"podo-{simulated_cluster.name}")
    made = Client(config=settings, namespace=SPACE, field_manager="lightkube")
    made.create(Namespace(metadata=ObjectMeta(name=SPACE)))
    yield made
    made.delete(Namespace, SPACE)
    eventually(lambda: not [each for each in made.list(Namespace) if each.metadata.name == SPACE], "the namespace gone")


def config_map(name: str, **data: str) -> Any:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace=SPACE, labels={"of": "test"}), data=data)


def test_objects_of_every_verb(client: Any) -> None:
    made = client.create(config_map("one", a="1"))
    with pytest.raises(ApiError) as refused:
        client.create(config_map("one"))
    assert (refused.value.status.code, refused.value.status.reason) == (409, "AlreadyExists")
    made.data["b"] = "2"
    assert client.replace(made).data == {"a": "1", "b": "2"}
    assert client.patch(ConfigMap, "one", {"data": {"a": None}}, patch_type=PatchType.MERGE).data == {"b": "2"}
    assert client.apply(config_map("two", x="1")).metadata.managedFields[0].operation == "Apply"
    other = Client(config=client.config, namespace=SPACE, field_manager="other")
    with pytest.raises(ApiError, match="Apply failed with 1 conflict"):
        other.apply(config_map("two", x="2"))
    assert other.apply(config_map("two", x="2"), force=True).data == {"x": "2"}
    listed = client.list(ConfigMap, labels={"of": "test"}, chunk_size=1)
    assert [each.metadata.name for each in listed] == ["one", "two"]
    kind = create_namespaced_resource("", "v1", "ConfigMap", "configmaps")
    assert client.get(kind, "one")["data"] == {"b": "2"}
    client.deletecollection(ConfigMap)
    assert list(client.list(ConfigMap, labels={"of": "test"})) == []


def test_a_watch_and_a_rollout(client: Any) -> None:
    labels = {"app": "web"}
    pod = PodSpec(containers=[Container(name="c", image="nginx:1")])
    template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=pod)
    spec = DeploymentSpec(replicas=2, selector=LabelSelector(matchLabels=labels), template=template)
    client.create(Deployment(metadata=ObjectMeta(name="web", namespace=SPACE), spec=spec))
    client.wait(Deployment, "web", for_conditions=["Available"])
    listed = client.list(Pod, labels=labels)
    former = {each.metadata.name for each in listed}
    assert len(former) == 2
    scale = client.get(Deployment.Scale, "web")
    scale.spec.replicas = 3
    scale.metadata.resourceVersion = None  # whatever its controller writes meanwhile
    threading.Timer(0.1, lambda: client.replace(scale, "web")).start()
    for event, seen in client.watch(Pod, labels=labels, resource_version=listed.resourceVersion, server_timeout=120):
        if event == "MODIFIED" and seen.status.phase == "Running" and seen.metadata.name not in former:
            break
    assert len(list(client.list(Pod, labels=labels))) == 3
    client.delete(Deployment, "web", cascade=CascadeType.FOREGROUND)
