"""Scaling, rolling out, looking back and going back, as people do it with kubectl."""

from __future__ import annotations

import re

import pytest

from tests.live import manifests
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    kubectl("apply", "-f", "-", given=manifests.deployment("web", replicas=2))
    kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    return kubectl


def images(kubectl: Kubectl) -> set[str]:
    return set(kubectl.path("{.items[*].spec.containers[0].image}", "pods").split())


def test_scale_up_and_down(web: Kubectl) -> None:
    assert web("scale", "deployment/web", "--replicas=4") == "deployment.apps/web scaled\n"
    web("wait", "deployment/web", "--for=jsonpath={.status.availableReplicas}=4", "--timeout=120s")
    assert re.search(r"^web +4/4 +4 +4 ", web("get", "deployment", "web"), re.M)
    assert "error" in web.fails("scale", "deployment/web", "--replicas=1", "--current-replicas=3")
    web("scale", "deployment/web", "--replicas=0")
    eventually(lambda: web("get", "pods", "-o", "name") == "", "no pod is left")
    web("wait", "deployment/web", "--for=jsonpath={.spec.replicas}=0", "--timeout=120s")


def test_a_new_image_rolls_out_and_back(web: Kubectl) -> None:
    web("annotate", "deployment/web", "kubernetes.io/change-cause=first")
    web("set", "image", "deployment/web", "nginx=nginx:1.16.1")
    web("annotate", "deployment/web", "kubernetes.io/change-cause=second", "--overwrite")
    status = web("rollout", "status", "deployment/web", "--timeout=120s")
    assert status.endswith('deployment "web" successfully rolled out\n')
    web("wait", "deployment/web", "--for=jsonpath={.status.replicas}=2", "--timeout=120s")
    eventually(lambda: images(web) == {"nginx:1.16.1"}, "only the new image runs")
    history = web("rollout", "history", "deployment/web")
    assert re.search(r"^1 +first$", history, re.M) and re.search(r"^2 +second$", history, re.M), history
    assert "Image:\tnginx:1.14.2" in web("rollout", "history", "deployment/web", "--revision=1")
    assert web("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    web("rollout", "status", "deployment/web", "--timeout=120s")
    eventually(lambda: images(web) == {"nginx:1.14.2"}, "the old image runs again")
    assert re.search(r"^3 +first$", web("rollout", "history", "deployment/web"), re.M)
    assert len(web("get", "replicasets", "-o", "name").split()) == 2
    web("rollout", "undo", "deployment/web", "--to-revision=2")
    web("rollout", "status", "deployment/web", "--timeout=120s")
    assert "unable to find" in web.fails("rollout", "undo", "deployment/web", "--to-revision=99")


def test_pause_and_resume(web: Kubectl) -> None:
    assert web("rollout", "pause", "deployment/web") == "deployment.apps/web paused\n"
    web("set", "image", "deployment/web", "nginx=nginx:1.16.1")
    web(
        "wait",
        "deployment/web",
        "--for=jsonpath={.status.conditions[?(@.type=='Progressing')].reason}=DeploymentPaused",
        "--timeout=120s",
    )
    assert len(web("get", "replicasets", "-o", "name").split()) == 1
    web("rollout", "resume", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=120s")
    eventually(lambda: images(web) == {"nginx:1.16.1"}, "the change went out after resume")


def test_restart_and_environment(web: Kubectl) -> None:
    before = set(web("get", "pods", "-o", "name").split())
    assert web("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    web("rollout", "status", "deployment/web", "--timeout=120s")
    eventually(lambda: not before & set(web("get", "pods", "-o", "name").split()), "all pods are new")
    web("set", "env", "deployment/web", "COLOR=blue")
    web("set", "resources", "deployment/web", "--limits=memory=64Mi")
    web("rollout", "status", "deployment/web", "--timeout=120s")
    assert "COLOR=blue" in web("set", "env", "deployment/web", "--list")
    assert web.path("{.spec.template.spec.containers[0].resources.limits.memory}", "deployment/web") == "64Mi"


def test_a_bad_image_stops_a_rollout_and_undo_mends_it(web: Kubectl) -> None:
    web("patch", "deployment/web", "-p", '{"spec":{"progressDeadlineSeconds":2}}')
    web("set", "image", "deployment/web", "nginx=absent:1")
    late = web.fails("rollout", "status", "deployment/web", "--timeout=120s")
    assert 'deployment "web" exceeded its progress deadline' in late
    assert web.path("{.status.availableReplicas}", "deployment/web") == "2"
    web("patch", "deployment/web", "-p", '{"spec":{"progressDeadlineSeconds":600}}')
    web("rollout", "undo", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=120s")


def test_recreate_never_runs_two_versions(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=manifests.deployment("one", replicas=2, strategy={"type": "Recreate"}))
    kubectl("rollout", "status", "deployment/one", "--timeout=120s")
    with kubectl.follow(
        "get", "pods", "-w", "-o", "custom-columns=I:.spec.containers[0].image,P:.status.phase"
    ) as pods:
        pods.until("Running")
        kubectl("set", "image", "deployment/one", "nginx=nginx:1.16.1")
        kubectl("rollout", "status", "deployment/one", "--timeout=120s")
        eventually(lambda: images(kubectl) == {"nginx:1.16.1"}, "the new version")
        pods.until(r"1\.16\.1")
    # a pod that has ended may still be seen; one that runs may not
    assert not re.search(r"1\.14\.2 +Running", pods.seen[pods.seen.index("1.16.1") :])


def test_deletion_propagates_as_asked(web: Kubectl) -> None:
    web("delete", "deployment/web", "--cascade=orphan")
    replicaset = web("get", "replicasets", "-o", "name").strip()
    assert replicaset and len(web("get", "pods", "-o", "name").split()) == 2
    eventually(lambda: not web.path("{.metadata.ownerReferences}", replicaset), "the ReplicaSet has no owner")
    web("apply", "-f", "-", given=manifests.deployment("web", replicas=2))
    eventually(lambda: web.path("{.metadata.ownerReferences[0].name}", replicaset) == "web", "it is adopted")
    web("delete", "deployment/web", "--cascade=foreground", "--timeout=120s")
    assert web("get", "replicasets,pods", "-o", "name") == ""  # foreground: gone before the owner
