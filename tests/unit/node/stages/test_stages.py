"""Stage files: how pods behave by them in virtual time, and what is said of files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.lab import World
from podo.node.stages import reading
from podo.node.stages.draw import Exponential, Normal, Uniform
from podo.node.stages.reading import StagesProblem, parse, read
from podo.node.stages.stage import Behaviour, Step

HEAD = "apiVersion: podo.dev/v1\nkind: Stages\nstages:\n"


def pod(name: str, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 1}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container], **spec},
    }


def is_ready(world: World, name: str) -> bool:
    conditions = world.get("Pod", name)["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_pulls_starts_and_readiness_take_their_time() -> None:
    stages = HEAD + "- {name: slow, pullSeconds: 5, startSeconds: 3, readySeconds: 20}\n"
    with World(stages=stages) as world:
        began = world.now
        world.apply(pod("web"))
        world.wait_until(lambda: world.get("Pod", "web")["status"]["phase"] == "Running")
        assert 8 <= world.now - began < 10
        world.wait_until(lambda: is_ready(world, "web"))
        assert 28 <= world.now - began < 32


def test_the_first_stage_that_selects_a_pod_holds_and_annotations_go_before_it() -> None:
    stages = HEAD + (
        "- {name: batch, select: {labels: kind=batch}, runSeconds: 5, exitCode: 3}\n"
        "- {name: other, select: {namespaces: [default], ownerKinds: ['']}, runSeconds: 7}\n"
        "- {name: chosen, runSeconds: 9, exitCode: 4}\n"
    )
    with World(stages=stages) as world:
        world.apply(pod("batch", {"kind": "batch"}, restartPolicy="Never"))
        world.apply(pod("other", restartPolicy="Never"))
        chosen, annotated = pod("chosen", restartPolicy="Never"), pod("annotated", restartPolicy="Never")
        chosen["metadata"]["annotations"] = {"podo.dev/stage": "chosen"}
        annotated["metadata"]["annotations"] = {"podo.dev/run-seconds": "2", "podo.dev/exit-code": "9"}
        world.apply([chosen, annotated])
        world.advance(60)

        def end(name: str) -> dict[str, Any]:
            found: dict[str, Any] = world.get("Pod", name)["status"]["containerStatuses"][0]["state"]["terminated"]
            return found

        codes = {name: end(name)["exitCode"] for name in ("batch", "other", "chosen", "annotated")}
        assert codes == {"batch": 3, "other": 0, "chosen": 4, "annotated": 9}


def test_a_container_that_crashes_at_first_stays_up_in_the_end() -> None:
    with World(stages="flaky") as world:
        world.apply(pod("shy", {"crash": "first"}))
        world.apply(pod("hopeless", {"crash": "loop"}))
        world.advance(600)
        shy, hopeless = (world.get("Pod", name)["status"]["containerStatuses"][0] for name in ("shy", "hopeless"))
        assert shy["restartCount"] == 3 and "running" in shy["state"]
        assert shy["lastState"]["terminated"]["exitCode"] == 2
        assert hopeless["restartCount"] > 4


def test_failures_are_as_frequent_as_told_and_a_seed_replays_them() -> None:
    stages = HEAD + "- {name: job, runSeconds: {uniform: [1, 9]}, failure: {probability: 0.3}}\n"

    def phases(seed: int) -> list[tuple[str, str]]:
        with World(stages=stages, seed=seed, nodes=2) as world:
            world.apply([pod(f"p{number}", restartPolicy="Never") for number in range(60)])
            world.advance(30)
            return [(p["metadata"]["name"], p["status"]["phase"]) for p in world.pods()]

    first = phases(1)
    failed = sum(phase == "Failed" for _, phase in first)
    assert 8 <= failed <= 30
    assert phases(1) == first != phases(2)


def test_a_fork_plays_on() -> None:
    stages = HEAD + "- {name: job, runSeconds: 100, exitCode: 5}\n"
    with World(stages=stages) as world:
        world.apply(pod("a", restartPolicy="Never"))
        world.advance(50)
        with world.fork() as other:
            other.advance(60)
            state = other.get("Pod", "a")["status"]["containerStatuses"][0]["state"]
            assert state["terminated"]["exitCode"] == 5
        assert world.get("Pod", "a")["status"]["phase"] == "Running"


def test_what_is_used_goes_in_steps() -> None:
    behaviour = Behaviour(usage=(Step(0, 100, 10), Step(60, 500, 20)))
    assert behaviour.memory(59) == 10 and behaviour.memory(60) == 20
    assert behaviour.cpu_nanos(60) == 6_000_000_000
    assert behaviour.cpu_nanos(70) == 11_000_000_000


@given(st.text(), st.integers(0, 10))
def test_draws_keep_their_bounds_and_depend_on_their_purpose_only(seed: str, attempt: int) -> None:
    assert 2 <= Uniform(2, 5).draw(seed, attempt) <= 5
    assert Exponential(3).draw(seed, attempt) >= 0 and Normal(1, 5).draw(seed, attempt) >= 0
    assert Exponential(3).draw(seed, attempt) == Exponential(3).draw(seed, attempt)


@pytest.mark.parametrize("name", reading.example_names())
def test_examples_can_be_read(name: str) -> None:
    assert parse(read(Path(name)), name).stages


def test_a_directory_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(HEAD + "- name: second\n")
    (tmp_path / "a.json").write_text('{"apiVersion": "podo.dev/v1", "kind": "Stages", "stages": [{"name": "first"}]}')
    assert [stage.name for stage in parse(read(tmp_path), "d").stages] == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "neither YAML nor JSON"),
        ("", "empty"),
        ("[]", "fields by name"),
        ("apiVersion: v1\nkind: Stages\nstages: []", "apiVersion podo.dev/v1"),
        (HEAD + "- {runSeconds: 1}", "stages[0].name"),
        (HEAD + "- {name: a, runseconds: 1}", "unknown field 'runseconds'"),
        (HEAD + "- {name: a, runSeconds: -1}", "stages[0].runSeconds"),
        (HEAD + "- {name: a, runSeconds: .nan}", "stages[0].runSeconds"),
        (HEAD + "- {name: a, runSeconds: {uniform: [5, 1]}}", "stages[0].runSeconds.uniform"),
        (HEAD + "- {name: a, runSeconds: {poisson: 1}}", "one of uniform"),
        (HEAD + "- {name: a, exitCode: 300}", "exit code"),
        (HEAD + "- {name: a, failure: {probability: 2}}", "stages[0].failure.probability"),
        (HEAD + "- {name: a, select: {labels: 'a in'}}", "stages[0].select.labels"),
        (HEAD + "- {name: a, usage: [{cpu: lots}]}", "stages[0].usage[0].cpu"),
        (HEAD + "- {name: a, usage: [{afterSeconds: 5}, {afterSeconds: 5}]}", "in order of time"),
        (HEAD + "- {name: a, containers: {c: {name: x}}}", "unknown field 'name'"),
        (HEAD + "- {name: a}\n- {name: a}", "more than one stage"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "stages.yaml"
    file.write_text(text)
    with pytest.raises(StagesProblem) as refused:
        read(file)
    assert said in str(refused.value) and str(file) in str(refused.value)
