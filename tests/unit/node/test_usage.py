"""Usage of CPU and memory: rates, what simulated pods say of themselves, and cgroup files of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.node.cgroups import Cgroups
from podo.node.config import NodeConfig
from podo.node.imagined import ImaginedMachine
from podo.node.machine import Usage
from podo.node.system import machine_usage
from podo.node.usage import BILLION, Rates, UsageMeter
from tests.unit.node.pods import NOW, pod, running, seen

UID = "11111111-2222-3333-4444-555555555555"


class Hands:
    """A clock that is set by hand."""

    at = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@given(st.lists(st.tuples(st.floats(0.01, 100), st.integers(0, 10 * BILLION)), max_size=20))
def test_rates_add_up_to_what_was_used(steps: list[tuple[float, int]]) -> None:
    rates, now, used = Rates(), 0.0, 0
    last = rates.sample("c", now, Usage(0, 1, 1))
    for seconds, nanos in steps:
        now, used = now + seconds, used + nanos
        sample = rates.sample("c", now, Usage(used, 1, 1))
        if sample.at == last.at:
            assert sample == last and now - last.at < 1.0
            continue
        assert sample.nano_cores is not None
        spent = sample.nano_cores * (sample.at - last.at)
        assert spent == pytest.approx(sample.usage.cpu_nanos - last.usage.cpu_nanos, abs=2 * (sample.at - last.at))
        last = sample


def test_a_restarted_count_makes_no_rate() -> None:
    rates = Rates()
    rates.sample("c", 0, Usage(100, 1, 1))
    assert rates.sample("c", 10, Usage(50, 1, 1)).nano_cores is None
    rates.forget_others()
    rates.forget_others()
    assert rates.sample("c", 20, Usage(70, 1, 1)).nano_cores is None


def test_simulated_pods_use_what_their_annotations_say() -> None:
    clock = Hands()
    machine = ImaginedMachine(NodeConfig("n1", "10.0.0.1", simulated=True), clock)
    busy = pod("web", "side")
    busy["metadata"]["annotations"] = {
        "podo.dev/cpu": "250m",
        "podo.dev/memory": "64Mi",
        "podo.dev/cpu.side": "1",
        "podo.dev/memory.side": "much",
    }
    meter = UsageMeter("n1", machine, clock)
    what = seen(running("web"), running("side"))
    first = meter.measure([(busy, what), (pod(), seen(sandboxes=()))])
    assert [found.sample.nano_cores for found in first.pods] == [None]
    clock.at += 10
    node = meter.measure([(busy, what)])
    (found,) = node.pods
    cores = {each.container.name: each.sample.nano_cores for each in found.containers}
    assert cores == {"web": BILLION // 4, "side": BILLION}
    assert found.sample.nano_cores == node.sample.nano_cores == BILLION * 5 // 4
    assert found.sample.usage.memory == 64 << 20


@pytest.mark.parametrize("unified", [False, True])
def test_cgroup_files(tmp_path: Path, unified: bool) -> None:
    found = pod()
    found["metadata"]["uid"] = UID
    below = f"top/besteffort/pod{UID}/c1"
    if unified:
        (tmp_path / "cgroup.controllers").touch()
        files = {"cpu.stat": "usage_usec 5\nuser_usec 1", "memory.current": "900", "memory.stat": "inactive_file 100"}
        groups = {tmp_path / below: files}
    else:
        memory = {"memory.usage_in_bytes": "900", "memory.stat": "inactive_file 7\ntotal_inactive_file 100"}
        groups = {tmp_path / "cpuacct" / below: {"cpuacct.usage": "5000"}, tmp_path / "memory" / below: memory}
    for group, files in groups.items():
        group.mkdir(parents=True)
        for name, text in files.items():
            (group / name).write_text(text + "\n")
    cgroups = Cgroups("top", tmp_path)
    assert cgroups.usage(found, "c1") == Usage(5000, 900, 800)
    assert cgroups.usage(found, "gone") is None


def test_the_machine_uses_something() -> None:
    first = machine_usage()
    assert first.memory >= first.working_set > 0
    assert machine_usage().cpu_nanos >= first.cpu_nanos > 0
