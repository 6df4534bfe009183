"""The life of pods on a small model of a runtime: whatever happens, decisions lead where they should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podo.node import podspec
from podo.node.instructions import (
    CleanUp,
    DeletePod,
    Instruction,
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
from podo.node.memory import PodMemory
from podo.node.observed import Seen, is_dead
from podo.node.runtimes.contract import Container, Sandbox
from podo.node.status import status_of
from tests.unit.node.pods import NOW, Obj, exited, init, pod, running


class Model:
    """Carries instructions out at once."""

    def __init__(self, obj: Obj) -> None:
        self.pod = obj
        self.memory = PodMemory(NOW)
        self.sandboxes: dict[str, Sandbox] = {}
        self.containers: dict[str, Container] = {}
        self.now = NOW
        self.deleted = False

    @property
    def seen(self) -> Seen:
        return Seen.of(self.sandboxes.values(), self.containers.values())

    def turn(self) -> bool:
        """One look; False when there was nothing to do."""
        plan = decide(self.pod, self.seen, self.memory, self.now)
        keys = [instruction.key for instruction in plan.instructions]
        assert len(keys) == len(set(keys)), keys
        status = status_of(self.pod, self.seen, self.memory, plan, self.now, "10.0.0.1")
        check_status(self.pod, status)
        self.pod["status"] = status
        for instruction in plan.instructions:
            self.do(instruction)
        return bool(plan.instructions)

    def settle(self) -> None:
        for _ in range(60):
            if not self.turn():
                return
        raise AssertionError("it never comes to rest")

    def do(self, instruction: Instruction) -> None:
        match instruction:
            case PrepareVolumes():
                self.memory.volumes_ready = True
            case RunSandbox(attempt=attempt):
                assert all(not sandbox.ready for sandbox in self.sandboxes.values()), "two sandboxes at once"
                one = Sandbox(f"s{attempt}", "web", "default", "uid-1", attempt, True, self.now, ("10.244.0.2",))
                assert one.id not in self.sandboxes
                self.sandboxes[one.id] = one
            case PreStop(container_id=container_id):
                assert container_id not in self.memory.hooked, "a hook twice"
                self.memory.hooked.add(container_id)
            case StartContainer(name=name, attempt=attempt):
                self.start(name, attempt, instruction)
            case StopContainer(container_id=container):
                assert self.containers[container].state == "running"
                self.end(container, 137)
            case RemoveContainer(container_id=container):
                assert self.containers[container].state != "running"
                del self.containers[container]
            case StopSandbox(sandbox_id=sandbox):
                assert all(c.state != "running" for c in self.containers.values() if c.sandbox_id == sandbox)
                self.sandboxes[sandbox] = replace(self.sandboxes[sandbox], ready=False)
            case RemoveSandbox(sandbox_id=sandbox):
                assert not self.sandboxes.pop(sandbox).ready
                self.containers = {i: c for i, c in self.containers.items() if c.sandbox_id != sandbox}
            case CleanUp():
                assert all(c.state != "running" for c in self.containers.values())
                self.memory.cleaned = True
            case DeletePod():
                assert not self.sandboxes and not self.containers and self.memory.cleaned
                self.deleted = self.memory.removed = True

    def start(self, name: str, attempt: int, order: StartContainer) -> None:
        sandbox = self.seen.sandbox
        assert sandbox is not None and self.memory.volumes_ready
        last = self.seen.newest(name)
        assert last is None or (last.state != "running" and attempt > last.attempt)
        plain = [c["name"] for c in podspec.init_containers(self.pod) if not podspec.is_sidecar(c)]
        alive = {c.name for c in self.containers.values() if c.state == "running"}
        if name not in plain:
            order_of_init = [c["name"] for c in podspec.init_containers(self.pod)]
            if name not in order_of_init:
                assert not alive & set(plain), "a container started beside an init container"
        self.containers[f"{name}-{attempt}"] = replace(
            running(name, attempt, sandbox.id), id=f"{name}-{attempt}", created_at=self.now, started_at=self.now
        )
        if order.back_off:
            self.memory.back_offs[name] = order.back_off

    def end(self, container_id: str, code: int) -> None:
        self.containers[container_id] = replace(
            self.containers[container_id], state="exited", exit_code=code, finished_at=self.now
        )


def check_status(obj: Obj, status: Obj) -> None:
    """What holds of every status."""
    old, new = podspec.phase_of(obj), status["phase"]
    assert old not in podspec.TERMINAL_PHASES or new == old, "a terminal phase is final"
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    states = [entry["state"] for entry in status["containerStatuses"]]
    assert all(len(state) == 1 for state in states)
    if conditions["Ready"] == "True":
        assert new == "Running" and all(entry["ready"] for entry in status["containerStatuses"])
    if new in podspec.TERMINAL_PHASES:
        assert not any("running" in state for state in states)
    if new == "Succeeded":
        assert all(state["terminated"]["exitCode"] == 0 for state in states)


def pods() -> st.SearchStrategy[Obj]:
    inits = st.lists(st.sampled_from(["plain", "side"]), max_size=3).map(
        lambda kinds: tuple(
            init(f"i{n}", **({"restartPolicy": "Always"} if kind == "side" else {})) for n, kind in enumerate(kinds)
        )
    )
    policies = st.sampled_from(["Always", "OnFailure", "Never"])
    return st.builds(
        lambda count, chosen, policy: pod(*[f"c{n}" for n in range(count)], init=chosen, restartPolicy=policy),
        st.integers(1, 3),
        inits,
        policies,
    )


events = st.lists(
    st.tuples(st.sampled_from(["exit", "fail", "sandbox", "time", "turn", "restart"]), st.integers(0, 5)), max_size=25
)


def happen(model: Model, what: str, which: int) -> None:
    alive = sorted(c.id for c in model.containers.values() if c.state == "running")
    if what in ("exit", "fail") and alive:
        model.end(alive[which % len(alive)], 0 if what == "exit" else 1)
    elif what == "sandbox" and model.seen.sandbox:
        lost = model.seen.sandbox
        model.sandboxes[lost.id] = replace(lost, ready=False)
        for container in alive:
            model.end(container, 255)
    elif what == "time":
        model.now += 7.0 * (which + 1)
    elif what == "turn":
        model.turn()
    elif what == "restart":  # of the agent
        model.memory = PodMemory(model.memory.first_seen)


@settings(max_examples=200, deadline=None)
@given(pods(), events)
def test_whatever_happens_a_deleted_pod_is_gone_in_the_end(obj: Obj, happened: list[tuple[str, int]]) -> None:
    model = Model(obj)
    for what, which in happened:
        happen(model, what, which)
        model.turn()
        model.now += 0.1
    model.pod["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}
    model.settle()
    assert model.deleted


@settings(max_examples=200, deadline=None)
@given(pods(), events)
def test_left_alone_a_pod_comes_to_run_or_to_its_end(obj: Obj, happened: list[tuple[str, int]]) -> None:
    model = Model(obj)
    for what, which in happened:
        happen(model, what, which)
        model.turn()
    for _ in range(40):  # plain init containers end well; back-offs pass
        model.settle()
        plain = {c["name"] for c in podspec.init_containers(obj) if not podspec.is_sidecar(c)}
        for container in list(model.containers.values()):
            if container.state == "running" and container.name in plain:
                model.end(container.id, 0)
        model.now += 300
    model.settle()
    names = {container["name"] for container in podspec.containers(obj)}
    alive = {c.name for c in model.containers.values() if c.state == "running"}
    phase = model.pod["status"]["phase"]
    if phase in podspec.TERMINAL_PHASES:
        assert podspec.restart_policy(obj) != "Always" and not alive
    else:
        ended_well = {c.name for c in model.containers.values() if is_dead(c) and c.exit_code == 0}
        policy = podspec.restart_policy(obj)
        assert phase == "Running"
        dead_for_good = names if policy == "Never" else ended_well if policy == "OnFailure" else set()
        assert names - alive <= dead_for_good


@given(st.integers(0, 12))
def test_restarts_become_rarer_up_to_five_minutes(failures: int) -> None:
    model = Model(pod())
    model.settle()
    waits = []
    for _ in range(failures):
        model.end(next(c.id for c in model.containers.values() if c.state == "running"), 1)
        ended = model.now
        while not any(c.state == "running" for c in model.containers.values()):
            plan: Any = decide(model.pod, model.seen, model.memory, model.now)
            if plan.check_at and not plan.instructions:
                model.now = plan.check_at
            model.settle()
        waits.append(model.now - ended)
        model.now += 1
    expected = [0.0, *(min(10.0 * 2**n, 300.0) for n in range(max(failures - 1, 0)))][:failures]
    assert waits == expected


def test_the_model_sees_what_it_is_told() -> None:
    model = Model(pod())
    model.settle()
    assert model.pod["status"]["phase"] == "Running"
    assert exited().state == "exited"
