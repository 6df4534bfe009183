"""The status of a pod and the patch that brings the API there."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api import schema
from podo.node.lifecycle import decide
from podo.node.memory import PodMemory
from podo.node.observed import Seen
from podo.node.status import difference, status_of
from podo.values.patch import strategic
from tests.unit.node.pods import NOW, Obj, exited, init, pod, running, sandbox, seen


def status(obj: Obj, what: Seen, **more: Any) -> Obj:
    memory = PodMemory(NOW - 100, volumes_ready=True)
    for name, value in more.items():
        setattr(memory, name, value)
    return status_of(obj, what, memory, decide(obj, what, memory, NOW), NOW, "10.0.0.1")


def conditions(found: Obj) -> dict[str, tuple[str, str, str]]:
    return {c["type"]: (c["status"], c.get("reason", ""), c.get("message", "")) for c in found["conditions"]}


TRUE = ("True", "", "")


def test_a_new_pod_is_pending() -> None:
    found = status(pod(), Seen())
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    unready = ("False", "ContainersNotReady", "containers with unready status: [web]")
    assert conditions(found) == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": TRUE,
        "Ready": unready,
        "ContainersReady": unready,
        "PodScheduled": TRUE,
    }


def test_a_running_pod() -> None:
    found = status(pod("a", "b"), seen(running("a"), running("b")))
    assert found["phase"] == "Running"
    assert found["podIP"] == "10.244.0.2" and found["podIPs"] == [{"ip": "10.244.0.2"}]
    assert set(conditions(found).values()) == {TRUE}
    assert found["containerStatuses"][0]["containerID"] == "containerd://a-0"


@pytest.mark.parametrize(
    ("policy", "codes", "phase"),
    [
        ("Never", (0, 0), "Succeeded"),
        ("Never", (0, 1), "Failed"),
        ("OnFailure", (0, 0), "Succeeded"),
        ("OnFailure", (0, 1), "Running"),
        ("Always", (0, 0), "Running"),
    ],
)
def test_phases_of_ended_containers(policy: str, codes: tuple[int, int], phase: str) -> None:
    found = status(pod("a", "b", restartPolicy=policy), seen(exited("a", code=codes[0]), exited("b", code=codes[1])))
    assert found["phase"] == phase


def test_a_terminal_phase_waits_for_the_last_container() -> None:
    late = pod("a", activeDeadlineSeconds=10)
    found = status(late, seen(running("a")))
    assert found["phase"] == "Running" and "reason" not in found
    ended = status(late, seen(exited("a")))
    assert (ended["phase"], ended["reason"]) == ("Failed", "DeadlineExceeded")


def test_init_containers_come_first() -> None:
    with_init = pod(init=(init("one"), init("two")))
    found = status(with_init, seen(exited("one", code=0), running("two")))
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
    message = "containers with incomplete status: [two]"
    assert conditions(found)["Initialized"] == ("False", "ContainersNotInitialized", message)
    assert [entry["ready"] for entry in found["initContainerStatuses"]] == [True, False]


def test_a_pod_is_initialized_when_its_init_containers_are_done_though_no_other_has_started() -> None:
    with_init = pod(init=(init("one"),))
    found = status(with_init, seen(exited("one", code=0)))
    assert conditions(found)["Initialized"] == TRUE and found["phase"] == "Pending"


def test_a_sidecar_is_complete_when_it_has_started_ready_or_not() -> None:
    probe = {"tcpSocket": {"port": 1}}
    side = pod(init=(init("side", restartPolicy="Always", startupProbe=probe, readinessProbe=probe),))
    assert conditions(status(side, seen(running("side"))))["Initialized"][1] == "ContainersNotInitialized"
    found = status(side, seen(running("side")), probes={("side-0", "startup"): True})
    assert conditions(found)["Initialized"] == TRUE
    assert conditions(found)["ContainersReady"][2] == "containers with unready status: [side web]"


def test_a_pod_that_is_started_over_says_so() -> None:
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
    one = pod(restartPolicy="Never")
    one["spec"]["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": rules}
    found = conditions(status(one, seen(exited(code=42))))["AllContainersRestarting"]
    assert found == ("True", "RestartAllContainersStarted", "container exited with restart policy rule")
    assert conditions(status(one, seen(running())))["AllContainersRestarting"] == ("False", "", "")


def test_the_last_end_stays_in_last_state() -> None:
    found = status(pod(), seen(running(attempt=1), exited(attempt=0, code=3)))
    entry = found["containerStatuses"][0]
    assert (entry["restartCount"], entry["lastState"]["terminated"]["exitCode"]) == (1, 3)
    forgotten = pod()
    forgotten["status"] = {"containerStatuses": [entry]}
    again = status(forgotten, seen(running(attempt=1)))
    assert again["containerStatuses"][0]["lastState"] == entry["lastState"]


def test_readiness_is_the_probe_s() -> None:
    probed = pod()
    probed["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 1}}
    assert not status(probed, seen(running()))["containerStatuses"][0]["ready"]
    probes = {("web-0", "readiness"): True}
    assert status(probed, seen(running()), probes=probes)["containerStatuses"][0]["ready"]
    assert not status(probed, seen(running(attempt=1)), probes=probes)["containerStatuses"][0]["ready"]


def test_a_lost_sandbox_is_not_ready() -> None:
    found = status(pod(), seen(running(), sandboxes=(sandbox(ready=False),)))
    assert conditions(found)["PodReadyToStartContainers"][0] == "False"


def test_nothing_is_sent_when_nothing_changed_and_only_what_did() -> None:
    found = status(pod(), seen(running()))
    old = {**found, "qosClass": "BestEffort", "nominatedNodeName": "n2"}
    assert difference(old, found, "uid-1") is None
    changed = {**found, "podIP": "10.244.0.9", "podIPs": [{"ip": "10.244.0.9"}]}
    assert difference(old, changed, "uid-1") == {
        "metadata": {"uid": "uid-1"},
        "status": {"podIP": "10.244.0.9", "podIPs": [{"$patch": "replace"}, {"ip": "10.244.0.9"}]},
    }


def test_conditions_keep_their_time_until_they_change() -> None:
    first = status(pod(), seen())
    later = pod()
    later["status"] = first
    memory = PodMemory(NOW - 100, volumes_ready=True)
    plan = decide(later, seen(running()), memory, NOW + 60)
    second = status_of(later, seen(running()), memory, plan, NOW + 60, "10.0.0.1")
    times = {c["type"]: c["lastTransitionTime"] for c in second["conditions"]}
    assert times["Initialized"] == first["conditions"][1]["lastTransitionTime"] != times["Ready"]


def test_a_reason_goes_with_what_it_was_the_reason_of() -> None:
    waiting = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "not yet"}
    ready = {"type": "Ready", "status": "True"}
    patch = difference({"conditions": [waiting]}, {"conditions": [ready]}, "uid-1")
    assert patch is not None
    assert strategic.apply({"status": {"conditions": [waiting]}}, patch, schema.type_of("", "v1", "Pod"))["status"] == {
        "conditions": [ready]
    }
