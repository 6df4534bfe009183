"""``kill -9`` of every process of podo: nothing acknowledged is lost, containers run on, Services keep answering."""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.live import manifests, processes
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster, cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

STARTED = "{range .items[*].status.containerStatuses[0]}{.containerID} {.state.running.startedAt}{'\\n'}{end}"


@pytest.fixture
def hurt(hurting: Cluster) -> Cluster:
    """Whole at the beginning, also where another test has failed."""
    if hurting.podo("status").code:
        hurting.up()
    return hurting


@pytest.fixture(scope="module")
def hurting() -> Iterator[Cluster]:
    """A cluster that is hurt by every test, and must be whole after each."""
    with cluster("hurt") as made:
        made.load_images("pause", "busybox", "nginx")
        objects = [manifests.deployment("web", replicas=2), manifests.service("web", 8080, type="NodePort")]
        made.kubectl("apply", "-f", "-", given=objects)
        made.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
        yield made


def running(kubectl: Kubectl) -> set[str]:
    """Container ids and start times of the application, as the API tells them."""
    return set(kubectl.path(STARTED, "pods", "-l", "app=web").split("\n")) - {""}


def service_address(kubectl: Kubectl) -> str:
    return eventually(lambda: kubectl.path("{.spec.clusterIP}:{.spec.ports[0].port}", "service/web"), "an address")


def fetch(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=20) as answer:
            return b"Welcome to nginx" in answer.read()
    except OSError:
        return False


@dataclass
class Asking:
    """Fetches an address again and again in a thread."""

    address: str
    answered: int = 0
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Asking:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _ask(self) -> None:
        while not self._stop.wait(0.05):
            if fetch(self.address):
                self.answered += 1
            else:
                self.failed += 1


def acknowledge(kubectl: Kubectl, name: str) -> None:
    kubectl("create", "configmap", name, f"--from-literal=name={name}")


def whole(hurt: Cluster) -> None:
    """All components are ready and the API says that the node is, too."""
    eventually(lambda: hurt.status()["ready"], "all components are ready again")
    eventually(
        lambda: hurt.kubectl("wait", "node/node-1", "--for=condition=Ready", "--timeout=120s"), "the node is Ready"
    )


@pytest.mark.parametrize("component", ["server", "node-1", "containerd-node-1"])
def test_a_killed_component_comes_back(hurt: Cluster, component: str) -> None:
    kubectl = hurt.kubectl
    eventually(lambda: fetch(service_address(kubectl)), "the application answers")
    before, former = running(kubectl), hurt.component(component)
    acknowledge(kubectl, f"before-{component}")
    with Asking(service_address(kubectl)) as asking:
        os.kill(former["pid"], signal.SIGKILL)
        eventually(lambda: hurt.component(component)["restarts"] > former["restarts"], "its end is noticed")
        whole(hurt)
    assert hurt.component(component)["pid"] != former["pid"]
    assert kubectl.path("{.data.name}", f"configmap/before-{component}") == f"before-{component}"
    assert (asking.failed, asking.answered > 3) == (0, True), asking
    assert running(kubectl) == before
    assert all(entry.startswith("containerd://") for entry in before) and len(before) == 2
    works_on(hurt)


def works_on(hurt: Cluster) -> None:
    """Pods can be made, reached and removed."""
    kubectl = hurt.kubectl
    kubectl("apply", "-f", "-", given=manifests.pod("probe"))
    kubectl("wait", "pod/probe", "--for=condition=Ready", "--timeout=120s")
    eventually(
        lambda: "Welcome" in kubectl.run("exec", "probe", "--", "wget", "-T", "5", "-qO-", "http://web:8080/").out,
        "it reaches web",
    )
    kubectl("delete", "pod", "probe", "--timeout=120s")


def test_a_static_pod_runs_while_the_api_server_does_not_answer(hurt: Cluster) -> None:
    """Its node starts anew meanwhile, and tells of it later."""
    kubectl, directory, server = (
        hurt.kubectl,
        hurt.data_dir / "nodes" / "node-1" / "manifests",
        hurt.component("server"),
    )
    seen = hurt.directory / "seen"
    seen.mkdir()
    script = f"echo started | tee -a /seen/starts; {manifests.WAIT}"
    container = manifests.shell(script, volumeMounts=[{"name": "seen", "mountPath": "/seen"}])
    pod = manifests.pod("static", container, volumes=[{"name": "seen", "hostPath": {"path": str(seen)}}])
    os.kill(server["pid"], signal.SIGSTOP)
    try:
        os.kill(hurt.component("node-1")["pid"], signal.SIGKILL)
        (directory / "static.json").write_text(json.dumps(pod))
        eventually(lambda: (seen / "starts").exists(), "it runs")
    finally:
        os.kill(server["pid"], signal.SIGCONT)
    whole(hurt)
    eventually(
        lambda: kubectl("wait", "pod/static-node-1", "--for=condition=Ready", "--timeout=120s"), "the API shows it"
    )
    mirror = kubectl.path("{.metadata.uid}", "pod/static-node-1")
    eventually(lambda: kubectl("logs", "static-node-1") == "started\n", "its log")
    kubectl("drain", "node-1", "--pod-selector=app=none", "--timeout=120s")  # a mirror stops no drain
    kubectl("uncordon", "node-1")
    kubectl("delete", "pod", "static-node-1", "--timeout=120s")
    eventually(lambda: kubectl.path("{.metadata.uid}", "pod/static-node-1") != mirror, "it is shown again")
    assert (seen / "starts").read_text() == "started\n"
    (directory / "static.json").unlink()
    eventually(lambda: not kubectl("get", "pod", "static-node-1", "--ignore-not-found"), "it is gone")


def test_a_killed_supervisor_is_replaced_by_up(hurt: Cluster) -> None:
    kubectl = hurt.kubectl
    before = running(kubectl)
    components = {c["name"]: c["pid"] for c in hurt.status()["components"]}
    with Asking(service_address(kubectl)) as asking:
        os.kill(components.pop("supervisor"), signal.SIGKILL)
        eventually(lambda: hurt.podo("status").code == 4, "its end is noticed")
        acknowledge(kubectl, "without-a-supervisor")  # the others go on
        hurt.up()
        whole(hurt)
    after = {c["name"]: c["pid"] for c in hurt.status()["components"]}
    assert {name: after[name] for name in components} == components  # adopted, not started again
    assert kubectl("get", "configmap", "without-a-supervisor", "-o", "name")
    assert asking.failed == 0 and running(kubectl) == before
    former = hurt.component("server")
    os.kill(former["pid"], signal.SIGKILL)  # an adopted process is watched like a child
    eventually(lambda: hurt.component("server")["restarts"] > former["restarts"], "its end is noticed")
    whole(hurt)


def test_everything_killed_at_once(hurt: Cluster) -> None:
    kubectl = hurt.kubectl
    before, address = running(kubectl), service_address(kubectl)
    acknowledge(kubectl, "before-the-end")
    for component in hurt.status()["components"]:
        os.kill(component["pid"], signal.SIGKILL)
    assert fetch(address)  # containers and Services need no podo
    hurt.up()
    whole(hurt)
    assert kubectl("get", "configmap", "before-the-end", "-o", "name")
    assert running(kubectl) == before and fetch(address)
    works_on(hurt)


def test_writes_under_fire_are_kept(hurt: Cluster) -> None:
    """The server is killed while writes go on: what was acknowledged is there."""
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        attempts = 0
        while not enough.is_set():
            attempts += 1
            name = f"fire-{attempts}"
            if hurt.kubectl.run("create", "configmap", name, "--request-timeout=20s").code == 0:
                acknowledged.append(name)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for least in (5, 12, 19):
            eventually(lambda least=least: len(acknowledged) >= least, "some writes", every=0.02)  # type: ignore[misc]
            former = hurt.component("server")
            os.kill(former["pid"], signal.SIGKILL)
            eventually(lambda former=former: hurt.component("server")["restarts"] > former["restarts"], "it is noticed")  # type: ignore[misc]
            whole(hurt)
    finally:
        enough.set()
        writer.join(60)
    names = set(hurt.kubectl.path("{.items[*].metadata.name}", "configmaps").split())
    assert len(acknowledged) > 12 and set(acknowledged) <= names


def test_what_happened_meanwhile_is_seen(hurt: Cluster) -> None:
    """A container that dies and a pod that is deleted while there is no node process."""
    kubectl = hurt.kubectl
    kubectl("apply", "-f", "-", given=[manifests.pod("dies"), manifests.pod("goes"), manifests.pod("stays")])
    kubectl("wait", "pod/dies", "pod/goes", "pod/stays", "--for=condition=Ready", "--timeout=120s")
    container = kubectl.path("{.status.containerStatuses[0].containerID}", "pod/dies")
    first = processes.in_container(hurt.name, container)[0]
    supervisor, node = hurt.component("supervisor")["pid"], hurt.component("node-1")["pid"]
    os.kill(supervisor, signal.SIGKILL)  # so that nobody starts the node again
    os.kill(node, signal.SIGKILL)
    os.kill(first, signal.SIGKILL)
    kubectl("delete", "pod", "goes", "--wait=false")
    hurt.up()
    kubectl("wait", "pod/goes", "--for=delete", "--timeout=120s")
    eventually(
        lambda: kubectl.path("{.status.containerStatuses[0].restartCount}", "pod/dies") == "1", "it is restarted"
    )
    assert kubectl.path("{.status.containerStatuses[0].restartCount}", "pod/stays") == "0"
    kubectl("delete", "pod", "dies", "stays", "--grace-period=1")


def test_down_clears_away_what_a_killed_podo_left() -> None:
    with cluster("left") as made:
        made.load_images("busybox")
        made.kubectl("apply", "-f", "-", given=manifests.pod("it"))
        made.kubectl("wait", "pod/it", "--for=condition=Ready", "--timeout=120s")
        for component in made.status()["components"]:
            os.kill(component["pid"], signal.SIGKILL)
        assert processes.mentioning(str(made.data_dir))  # the containers' shims
        ended = made.podo("down", "--purge")
        assert ended.code == 0, str(ended)
        assert processes.mentioning(str(made.data_dir)) == {}
        with open("/proc/self/mountinfo") as mounts:
            assert str(made.data_dir) not in mounts.read()
