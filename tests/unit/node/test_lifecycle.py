"""What is decided for a pod, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from podo.node.backoff import BackOff
from podo.node.instructions import (
    CleanUp,
    DeletePod,
    Plan,
    PrepareVolumes,
    PreStop,
    RemoveContainer,
    RemoveSandbox,
    RunSandbox,
    StartContainer,
    StopContainer,
    StopSandbox,
)
from podo.node.lifecycle import decide
from podo.node.memory import PodMemory, Refusal, Stopping, Waiting
from podo.node.observed import Seen
from tests.unit.node.pods import NOW, Obj, exited, init, pod, running, sandbox, seen


def memory(**more: object) -> PodMemory:
    found = PodMemory(NOW - 100, volumes_ready=True)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def starts(plan: Plan) -> list[tuple[str, int]]:
    return [(i.name, i.attempt) for i in plan.instructions if isinstance(i, StartContainer)]


def stops(plan: Plan) -> list[str]:
    return [i.container_id for i in plan.instructions if isinstance(i, StopContainer)]


def deleted(obj: Obj, grace: int = 30) -> Obj:
    obj["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
    return obj


def test_a_new_pod_gets_volumes_then_a_sandbox_then_its_container() -> None:
    nothing = Seen()
    fresh = PodMemory(NOW)
    assert decide(pod(), nothing, fresh, NOW).instructions == [PrepareVolumes()]
    assert decide(pod(), nothing, memory(), NOW).instructions == [RunSandbox(0)]
    assert starts(decide(pod(), seen(), memory(), NOW)) == [("web", 0)]


def test_containers_start_one_after_the_other() -> None:
    both = pod("a", "b")
    assert starts(decide(both, seen(), memory(), NOW)) == [("a", 0)]
    assert starts(decide(both, seen(), memory(busy={"start"}), NOW)) == []
    assert starts(decide(both, seen(running("a")), memory(), NOW)) == [("b", 0)]


def test_what_is_in_work_or_failed_a_moment_ago_is_not_asked_for_again() -> None:
    assert decide(pod(), Seen(), memory(busy={"sandbox"}), NOW).instructions == []
    plan = decide(pod(), Seen(), memory(retry={"sandbox": NOW + 4}), NOW)
    assert (plan.instructions, plan.check_at) == ([], NOW + 4)


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restart_policies(policy: str, code: int, again: bool) -> None:
    plan = decide(pod(restartPolicy=policy), seen(exited(code=code)), memory(), NOW)
    assert starts(plan) == ([("web", 1)] if again else [])


RULES = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
OTHERS = [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [0, 1]}}]


@pytest.mark.parametrize(
    ("pods", "own", "rules", "code", "again"),
    [
        ("Never", "Always", None, 0, True),
        ("Never", "OnFailure", None, 0, False),
        ("Always", "Never", None, 1, False),
        ("Always", "OnFailure", None, 1, True),
        ("Never", "Never", RULES, 42, True),
        ("Never", "Never", RULES, 1, False),
        ("Always", "Never", OTHERS, 2, True),
        ("Always", "Never", OTHERS, 1, False),
    ],
)
def test_a_container_s_own_policy_and_rules_come_before_the_pod_s(
    pods: str, own: str, rules: list[Obj] | None, code: int, again: bool
) -> None:
    one = pod(restartPolicy=pods)
    one["spec"]["containers"][0] |= {"restartPolicy": own, "restartPolicyRules": rules}
    plan = decide(one, seen(exited(code=code)), memory(), NOW)
    assert (plan.ending is None) is again
    assert any(isinstance(i, StartContainer) for i in plan.instructions) is again


def test_an_init_container_that_may_not_be_restarted_ends_its_pod() -> None:
    one = pod(init=(init("one", restartPolicy="Never"),), restartPolicy="Always")
    plan = decide(one, seen(exited("one", code=1)), memory(), NOW)
    assert plan.ending is not None and not plan.waiting


def test_a_rule_can_start_the_whole_pod_over() -> None:
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
    one = pod("a", "b", init=(init("first"),), restartPolicy="Never")
    one["spec"]["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": rules}
    done, ended = exited("first", code=0), exited("a", code=42)
    assert stops(decide(one, seen(done, ended, running("b")), memory(), NOW)) == ["b-0"]
    stopped = exited("b", code=137)
    assert decide(one, seen(done, ended, stopped), memory(), NOW).instructions == [
        RemoveContainer("first-0"),
        RemoveContainer("b-0"),
    ]
    held = memory(back_offs={"a": BackOff(10.0, NOW - 3)})
    plan = decide(one, seen(ended), held, NOW)
    assert plan.instructions == [] and plan.waiting["a"].reason == "CrashLoopBackOff"
    assert decide(one, seen(ended), held, NOW + 10).instructions == [RemoveContainer("a-0")]
    status = {"name": "first", "restartCount": 0, "containerID": "containerd://first-0"}
    one["status"]["initContainerStatuses"] = [status]
    assert decide(one, seen(), memory(), NOW).instructions == [StartContainer("first", 1, BackOff(10.0, NOW))]


def test_the_first_restart_is_at_once_and_later_ones_back_off() -> None:
    first = decide(pod(), seen(exited(at=NOW)), memory(), NOW).instructions
    assert first == [StartContainer("web", 1, BackOff(10.0, NOW))]
    held = memory(back_offs={"web": BackOff(10.0, NOW - 3)})
    plan = decide(pod(), seen(exited(attempt=1, at=NOW)), held, NOW + 1)
    assert starts(plan) == []
    assert plan.check_at == NOW + 10
    message = "back-off 10s restarting failed container=web pod=web_default(uid-1)"
    assert plan.waiting == {"web": Waiting("CrashLoopBackOff", message)}
    plan = decide(pod(), seen(exited(attempt=1, at=NOW)), held, NOW + 10)
    assert plan.instructions == [StartContainer("web", 2, BackOff(20.0, NOW + 10))]


def test_back_off_is_forgotten_after_ten_minutes_of_running() -> None:
    held = memory(back_offs={"web": BackOff(300.0, NOW - 601)})
    plan = decide(pod(), seen(exited(attempt=7, at=NOW)), held, NOW)
    assert plan.instructions == [StartContainer("web", 8, BackOff(10.0, NOW))]


def test_a_refused_start_waits_and_does_not_hold_up_the_others() -> None:
    first, later = Waiting("ErrImagePull", "no"), Waiting("ImagePullBackOff", "off")
    refusals = {"a": Refusal(first, NOW + 10, later, NOW + 5)}
    plan = decide(pod("a", "b"), seen(), memory(refusals=refusals), NOW)
    assert starts(plan) == [("b", 0)]
    assert (plan.waiting, plan.check_at) == ({"a": first}, NOW + 5)
    plan = decide(pod("a"), seen(), memory(refusals=refusals), NOW + 6)
    assert (plan.waiting, plan.check_at) == ({"a": later}, NOW + 10)
    assert starts(decide(pod("a"), seen(), memory(refusals=refusals), NOW + 10)) == [("a", 0)]


def test_init_containers_run_in_order_before_the_others() -> None:
    with_init = pod(init=(init("one"), init("two")))
    assert starts(decide(with_init, seen(), memory(), NOW)) == [("one", 0)]
    assert starts(decide(with_init, seen(running("one")), memory(), NOW)) == []
    assert starts(decide(with_init, seen(exited("one", code=0)), memory(), NOW)) == [("two", 0)]
    assert starts(decide(with_init, seen(exited("one")), memory(), NOW)) == [("one", 1)]
    done = (exited("one", code=0), exited("two", code=0))
    assert starts(decide(with_init, seen(*done), memory(), NOW)) == [("web", 0)]


def test_done_init_containers_do_not_run_again_when_a_container_restarts() -> None:
    with_init = pod(init=(init("one"),))
    assert starts(decide(with_init, seen(exited("web")), memory(), NOW)) == [("web", 1)]


def test_a_failed_init_container_ends_a_pod_that_is_never_restarted() -> None:
    with_init = pod(init=(init("one"),), restartPolicy="Never")
    plan = decide(with_init, seen(exited("one")), memory(), NOW)
    assert plan.instructions == [StopSandbox("s0")]
    assert plan.ending is not None and not plan.ending.remove


def test_a_sidecar_must_have_started_before_the_next_and_keeps_running() -> None:
    probe = {"tcpSocket": {"port": 1}}
    with_sidecar = pod(init=(init("side", restartPolicy="Always", startupProbe=probe), init("two")))
    assert starts(decide(with_sidecar, seen(), memory(), NOW)) == [("side", 0)]
    assert starts(decide(with_sidecar, seen(running("side")), memory(), NOW)) == []
    started = memory(probes={("side-0", "startup"): True})
    assert starts(decide(with_sidecar, seen(running("side")), started, NOW)) == [("two", 0)]
    gone = seen(exited("side", code=0), exited("two", code=0), running("web"))
    assert starts(decide(with_sidecar, gone, memory(), NOW)) == [("side", 1)]


def test_sidecars_end_last_in_reverse_order_one_by_one() -> None:
    sides = (init("one", restartPolicy="Always"), init("two", restartPolicy="Always"))
    ending = deleted(pod(init=sides))
    alive = [running("one"), running("two"), running("web")]
    since, hooked = NOW - 10, {"one-0", "two-0"}
    assert stops(decide(ending, seen(*alive), memory(hooked=hooked), NOW)) == ["web-0"]
    assert stops(decide(ending, seen(*alive[:2]), memory(ending_since=since, hooked=hooked), NOW)) == ["two-0"]
    plan = decide(ending, seen(alive[0]), memory(ending_since=since, hooked=hooked), NOW)
    assert plan.instructions == [StopContainer("one-0", "one", 20.0, "", hook=False)]


def test_hooks_of_sidecars_run_with_those_of_the_others_and_are_waited_for() -> None:
    ending = deleted(pod(init=(init("side", restartPolicy="Always"),)))
    hook = PreStop("side-0", "side", 30.0, "Stopping container side")
    plan = decide(ending, seen(running("side"), running("web")), memory(), NOW)
    assert stops(plan) == ["web-0"] and hook in plan.instructions
    busy = {"busy": {hook.key}, "ending_since": NOW}
    assert decide(ending, seen(running("side")), memory(**busy), NOW + 29).instructions == []
    late = decide(ending, seen(running("side")), memory(**busy), NOW + 30).instructions
    assert late == [StopContainer("side-0", "side", 1.0, "", hook=False)]


def test_sidecars_of_a_finished_pod_are_stopped() -> None:
    job = pod(init=(init("side", restartPolicy="Always"),), restartPolicy="Never")
    ended = seen(running("side"), exited("web", code=0))
    assert stops(decide(job, ended, memory(hooked={"side-0"}), NOW)) == ["side-0"]


@pytest.mark.parametrize("kind", ["liveness", "startup"])
def test_a_failed_probe_stops_the_container(kind: str) -> None:
    plan = decide(pod(), seen(running()), memory(probes={("web-0", kind): False}), NOW)
    message = f"Container web failed {kind} probe, will be restarted"
    assert plan.instructions == [StopContainer("web-0", "web", 30.0, message)]


def test_what_is_said_of_sidecars_and_of_what_is_not_known() -> None:
    side = pod(init=(init("side", restartPolicy="Always"),))
    failed = memory(probes={("side-0", "liveness"): False})
    plan = decide(side, seen(running("side"), running()), failed, NOW)
    assert [i.message for i in plan.instructions if isinstance(i, StopContainer)] == [
        "Init container side failed liveness probe"
    ]
    lost = decide(pod(), seen(replace(running(), state="unknown")), memory(), NOW)
    assert [i.message for i in lost.instructions if isinstance(i, StopContainer)] == [
        'Container is in "unknown" state, try killing it before restart'
    ]


def test_a_failed_readiness_probe_stops_nothing() -> None:
    assert decide(pod(), seen(running()), memory(probes={("web-0", "readiness"): False}), NOW).instructions == []


def test_another_image_replaces_the_container() -> None:
    changed = pod()
    changed["spec"]["containers"][0]["image"] = "busybox:1.36"
    plan = decide(changed, seen(running()), memory(), NOW)
    assert [i.message for i in plan.instructions if isinstance(i, StopContainer)] == [
        "Container web definition changed, will be restarted"
    ]


def test_a_lost_sandbox_is_made_again_and_everything_starts_anew() -> None:
    with_init = pod(init=(init("one"),))
    lost = (sandbox(ready=False),)
    left = seen(exited("one", code=0), exited("web", code=255), sandboxes=lost)
    assert decide(with_init, left, memory(), NOW).instructions == [RunSandbox(1)]
    still = seen(running("web"), sandboxes=lost)
    assert stops(decide(with_init, still, memory(), NOW)) == ["web-0"]
    new = seen(exited("one", code=0), exited("web", code=255), sandboxes=(sandbox(1), *lost))
    assert starts(decide(with_init, new, memory(), NOW)) == [("one", 1)]


def test_a_job_whose_sandbox_is_lost_is_not_run_twice() -> None:
    job = pod(restartPolicy="Never")
    left = seen(exited("web", code=255), sandboxes=(sandbox(ready=False),))
    assert starts(decide(job, left, memory(), NOW)) == []
    assert RunSandbox(1) not in decide(job, left, memory(), NOW).instructions


def test_attempts_go_on_where_the_runtime_has_forgotten() -> None:
    known = pod()
    known["status"]["containerStatuses"] = [{"name": "web", "restartCount": 4, "containerID": "containerd://gone"}]
    assert starts(decide(known, seen(), memory(), NOW)) == [("web", 5)]


def test_only_the_last_dead_attempt_is_kept() -> None:
    plan = decide(pod(), seen(running(attempt=3), exited(attempt=2), exited(attempt=1)), memory(), NOW)
    assert plan.instructions == [RemoveContainer("web-1")]


def test_empty_old_sandboxes_are_removed() -> None:
    plan = decide(pod(), seen(running(in_sandbox="s1"), sandboxes=(sandbox(1), sandbox(0, ready=False))), memory(), NOW)
    assert plan.instructions == [RemoveSandbox("s0")]


def test_a_deleted_pod_is_stopped_buried_and_reported() -> None:
    ending = deleted(pod(), 7)
    assert decide(ending, seen(running()), memory(), NOW).instructions == [
        StopContainer("web-0", "web", 7.0, "Stopping container web")
    ]
    assert decide(ending, seen(exited()), memory(), NOW).instructions == [StopSandbox("s0")]
    dead = seen(exited(), sandboxes=(sandbox(ready=False),))
    assert decide(ending, dead, memory(), NOW).instructions == [RemoveSandbox("s0")]
    assert decide(ending, Seen(), memory(), NOW).instructions == [CleanUp(everything=True)]
    assert decide(ending, Seen(), memory(cleaned=True), NOW).instructions == [DeletePod()]
    assert decide(ending, Seen(), memory(cleaned=True, removed=True), NOW).done


def test_a_pod_that_is_being_made_is_not_buried_before_that_is_over() -> None:
    assert decide(deleted(pod()), Seen(), memory(busy={"sandbox"}), NOW).instructions == []


def test_a_shorter_grace_cuts_a_stop_short_and_a_longer_does_not() -> None:
    stopping = memory(stopping={"web-0": Stopping(NOW - 5, 30.0)}, busy={"stop/web-0"})
    assert decide(deleted(pod(), 30), seen(running()), stopping, NOW).instructions == []
    plan = decide(deleted(pod(), 2), seen(running()), stopping, NOW)
    assert plan.instructions == [StopContainer("web-0", "web", 2.0, "", hook=False)]


def test_a_deadline_fails_the_pod_but_not_one_that_has_ended() -> None:
    late = pod(activeDeadlineSeconds=100)
    assert decide(late, seen(running()), memory(), NOW - 1).check_at == NOW
    plan = decide(late, seen(running()), memory(), NOW)
    assert stops(plan) == ["web-0"]
    assert plan.ending is not None and plan.ending.reason == "DeadlineExceeded"
    late["status"]["phase"] = "Succeeded"
    plan = decide(late, seen(exited(code=0)), memory(), NOW)
    assert plan.ending is not None and plan.ending.reason == ""


def test_an_ended_pod_keeps_its_containers_and_gives_up_its_volumes() -> None:
    ended = pod(restartPolicy="Never")
    dead = seen(exited(code=0), sandboxes=(sandbox(ready=False),))
    assert decide(ended, dead, memory(), NOW).instructions == [CleanUp(everything=False)]
    assert decide(ended, dead, memory(cleaned=True), NOW).instructions == []


def test_a_start_that_was_cut_off_is_cleared_away_first() -> None:
    from dataclasses import replace

    half = replace(running(), state="created")
    assert decide(pod(), seen(half), memory(), NOW).instructions == [RemoveContainer("web-0")]
    assert decide(pod(), seen(half), memory(busy={"start"}), NOW).instructions == []


def test_ephemeral_containers_start_once() -> None:
    debugged = pod(ephemeralContainers=[{"name": "debug", "image": "busybox:1.28"}])
    assert starts(decide(debugged, seen(running()), memory(), NOW)) == [("debug", 0)]
    assert starts(decide(debugged, seen(running(), exited("debug")), memory(), NOW)) == []


def test_an_evicted_pod_is_stopped_with_little_grace_and_stays_for_its_logs() -> None:
    memory = PodMemory(NOW - 100, volumes_ready=True, eviction="too much")
    plan = decide(pod(), seen(running()), memory, NOW)
    assert [(type(each).__name__, each.grace) for each in plan.instructions] == [("StopContainer", 1.0)]
    assert plan.ending is not None
    assert (plan.ending.reason, plan.ending.message, plan.ending.remove) == ("Evicted", "too much", False)
