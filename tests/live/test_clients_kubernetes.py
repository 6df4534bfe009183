"""The official Python client (PyPI ``kubernetes``), as it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster
from tests.live.waiting import eventually

kubernetes = pytest.importorskip("kubernetes", reason="not installed: pip install -e '.[clients]'")

from kubernetes import client, config, dynamic, stream, utils, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402
from kubernetes.leaderelection import electionconfig, leaderelection  # noqa: E402
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock  # noqa: E402

pytestmark = pytest.mark.live
SPACE = "official"


def connected(cluster: Cluster) -> Any:
    return config.new_client_from_config(str(cluster.kubeconfig), f"podo-{cluster.name}")


@pytest.fixture
def api(simulated_cluster: Cluster) -> Iterator[Any]:
    """The client, with a namespace of its own."""
    with connected(simulated_cluster) as made:
        core = client.CoreV1Api(made)
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=SPACE)))
        yield made
        core.delete_namespace(SPACE, grace_period_seconds=0)
        eventually(lambda: SPACE not in [each.metadata.name for each in core.list_namespace().items], "its end")


def config_map(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": "test"}), data=data)


def test_the_life_of_an_object(api: Any) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map(SPACE, config_map("one", a="1"))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_config_map(SPACE, config_map("one"))
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (409, "AlreadyExists")
    made.data["b"] = "2"
    assert core.replace_namespaced_config_map("one", SPACE, made).data == {"a": "1", "b": "2"}
    with pytest.raises(ApiException, match="the object has been modified"):
        core.replace_namespaced_config_map("one", SPACE, made)
    assert core.patch_namespaced_config_map("one", SPACE, {"data": {"a": None}}).data == {"b": "2"}
    operations = [{"op": "add", "path": "/data/c", "value": "3"}]
    assert core.patch_namespaced_config_map("one", SPACE, operations).data == {"b": "2", "c": "3"}
    for number in range(4):
        core.create_namespaced_config_map(SPACE, config_map(f"more-{number}"))
    page = core.list_namespaced_config_map(SPACE, label_selector="of=test", limit=2)
    names = [each.metadata.name for each in page.items]
    while page.metadata._continue:
        page = core.list_namespaced_config_map(
            SPACE, label_selector="of=test", limit=2, _continue=page.metadata._continue
        )
        names += [each.metadata.name for each in page.items]
    assert names == ["more-0", "more-1", "more-2", "more-3", "one"]
    core.delete_namespaced_config_map("one", SPACE)
    with pytest.raises(ApiException, match='configmaps \\\\"one\\\\" not found'):
        core.read_namespaced_config_map("one", SPACE)
    core.delete_collection_namespaced_config_map(SPACE, label_selector="of=test")
    assert core.list_namespaced_config_map(SPACE, label_selector="of=test").items == []


def test_a_watch_begins_where_the_list_ended(api: Any) -> None:
    core, watching = client.CoreV1Api(api), watch.Watch()
    listed = core.list_namespaced_config_map(SPACE, label_selector="of=test")

    def write() -> None:
        core.create_namespaced_config_map(SPACE, config_map("seen", a="1"))
        core.patch_namespaced_config_map("seen", SPACE, {"data": {"a": "2"}})
        core.delete_namespaced_config_map("seen", SPACE)

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    begin = {"label_selector": "of=test", "resource_version": listed.metadata.resource_version, "timeout_seconds": 120}
    for event in watching.stream(core.list_namespaced_config_map, SPACE, **begin):
        seen.append((event["type"], event["object"].data["a"]))
        if event["type"] == "DELETED":
            watching.stop()
    writer.join(60)
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_workloads_from_manifests_and_the_dynamic_client(api: Any) -> None:
    utils.create_from_dict(api, manifests.deployment("web", replicas=2), namespace=SPACE)
    apps = client.AppsV1Api(api)
    eventually(lambda: apps.read_namespaced_deployment_status("web", SPACE).status.available_replicas == 2, "pods")
    apps.patch_namespaced_deployment_scale("web", SPACE, {"spec": {"replicas": 3}})
    deployments = dynamic.DynamicClient(api).resources.get(api_version="apps/v1", kind="Deployment")
    eventually(lambda: deployments.get(name="web", namespace=SPACE).status.readyReplicas == 3, "another pod")
    image = {"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:2"}]}}}}
    whole = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, **image}
    conflict = pytest.raises(ApiException, match="conflict with")
    with conflict:
        deployments.server_side_apply(body=whole, name="web", namespace=SPACE, field_manager="test")
    done = deployments.server_side_apply(
        body=whole, name="web", namespace=SPACE, field_manager="test", force_conflicts=True
    )
    assert done.spec.template.spec.containers[0].image == "nginx:2"
    apps.delete_namespaced_deployment("web", SPACE, propagation_policy="Foreground")
    core = client.CoreV1Api(api)
    eventually(lambda: not core.list_namespaced_pod(SPACE, label_selector="app=web").items, "its pods go")


def test_one_of_two_leads(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.Configuration, "_default", api.configuration)  # its lock makes a client of its own
    told: list[str] = []
    first, over = threading.Event(), threading.Event()

    class Lock(LeaseLock):
        """The client's own, but that its candidates can be ended: they know no end."""

        def get(self, name: str, namespace: str) -> Any:
            if over.is_set():
                raise SystemExit
            return super().get(name, namespace)

    def begins(name: str) -> None:
        told.append(name)
        first.set()

    def stand(election: Any) -> None:
        with suppress(SystemExit):
            election.run()

    candidates = []
    for name in ("a", "b"):
        lock = Lock("leader", SPACE, name)
        settings = electionconfig.Config(lock, 60, 40, 1, lambda name=name: begins(name), None)
        candidates.append(threading.Thread(target=stand, args=[leaderelection.LeaderElection(settings)], daemon=True))
        candidates[-1].start()
    try:
        assert first.wait(60)
        held = client.CoordinationV1Api(api).read_namespaced_lease("leader", SPACE)
        assert told == [held.spec.holder_identity]
    finally:
        over.set()
        for candidate in candidates:
            candidate.join(60)


@needs_root
@needs_containerd
def test_exec_log_and_port(shared_cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.pod("it", manifests.shell("echo hello; " + manifests.WAIT)))
    kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")
    with connected(shared_cluster) as made:
        core = client.CoreV1Api(made)
        eventually(lambda: core.read_namespaced_pod_log("it", kubectl.namespace) == "hello\n", "its log")
        script = "echo out; echo err >&2; read word; echo heard $word; exit 3"
        running = stream.stream(
            core.connect_get_namespaced_pod_exec,
            *("it", kubectl.namespace),
            command=["sh", "-c", script],
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        running.write_stdin("word\n")
        running.run_forever(timeout=60)
        assert running.read_stdout() == "out\nheard word\n" and running.read_stderr() == "err\n"
        assert running.returncode == 3
