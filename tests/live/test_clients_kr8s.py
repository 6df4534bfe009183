"""The client kr8s, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster
from tests.live.waiting import eventually

kr8s = pytest.importorskip("kr8s", reason="not installed: pip install -e '.[clients]'")

from kr8s.objects import ConfigMap, Deployment, Namespace, Pod, new_class  # noqa: E402

#: It warns of every version newer than itself.
pytestmark = [pytest.mark.live, pytest.mark.filterwarnings("ignore:Kubernetes version")]
SPACE = "kr8s"


def connected(cluster: Cluster) -> Any:
    return kr8s.api(kubeconfig=str(cluster.kubeconfig), context=f"podo-{cluster.name}")


@pytest.fixture
def api(simulated_cluster: Cluster) -> Iterator[Any]:
    made = connected(simulated_cluster)
    namespace = Namespace({"metadata": {"name": SPACE}}, api=made)
    namespace.create()
    yield made
    namespace.delete()
    eventually(lambda: not namespace.exists(), "the end of the namespace")  # the next test makes it anew


def in_space(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": SPACE}}


def test_objects(api: Any) -> None:
    made = ConfigMap(in_space(manifests.config_map("one", a="1")), api=api)
    made.create()
    assert made.exists() and made.raw["metadata"]["uid"]
    made.patch({"data": {"b": "2"}})
    made.label({"of": "test"})
    made.annotate(note="x")
    made.refresh()
    assert dict(made.data) == {"a": "1", "b": "2"} and made.labels["of"] == "test"
    found = list(api.get("configmaps", namespace=SPACE, label_selector={"of": "test"}))
    assert [each.name for each in found] == ["one"]
    lease = new_class(kind="Lease", version="coordination.k8s.io/v1", namespaced=True)
    held = lease({"metadata": {"name": "lock", "namespace": SPACE}, "spec": {"holderIdentity": "me"}}, api=api)
    held.create()
    assert held.spec.holderIdentity == "me"
    made.delete()
    eventually(lambda: not made.exists(), "its end")
    with pytest.raises(kr8s.NotFoundError):
        ConfigMap.get("one", namespace=SPACE, api=api)


def test_a_deployment_and_its_pods(api: Any) -> None:
    web = Deployment(in_space(manifests.deployment("web", replicas=2)), api=api)
    web.create()
    web.wait("condition=Available", timeout=120)
    assert web.ready() and [each.status.phase for each in web.pods()] == ["Running", "Running"]
    web.scale(3)
    eventually(lambda: len(web.pods()) == 3, "another pod")
    with closing(api.watch("pods", namespace=SPACE)) as watching:
        event, pod = next(watching)
        assert (event, pod.labels["app"]) == ("ADDED", "web")
    web.delete(propagation_policy="Foreground")
    eventually(lambda: not list(api.get("pods", namespace=SPACE)), "their end")


@needs_root
@needs_containerd
def test_exec_and_logs(shared_cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.pod("it", manifests.shell("echo hello; " + manifests.WAIT)))
    pod = Pod.get("it", namespace=kubectl.namespace, api=connected(shared_cluster))
    pod.wait("condition=Ready", timeout=120)
    assert pod.exec(["echo", "here"]).stdout == b"here\n"
    failed = pod.exec(["sh", "-c", "echo no >&2; exit 3"], check=False)
    assert (failed.returncode, failed.stderr) == (3, b"no\n")
    eventually(lambda: list(pod.logs()) == ["hello"], "its log")
