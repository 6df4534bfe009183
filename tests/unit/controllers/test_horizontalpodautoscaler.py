"""What metrics ask for and how fast it may be followed: the documented rules, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.controllers.horizontalpodautoscaler.limits import Memory, bounded
from podo.controllers.horizontalpodautoscaler.measuring import (
    Groups,
    NoMetrics,
    Reading,
    Tolerance,
    by_average,
    by_share,
    by_utilization,
    by_value,
    grouped,
)

Obj = dict[str, Any]
NOW = 1_000_000.0
STEADY = Tolerance()


def readings(**amounts: int) -> dict[str, Reading]:
    return {name: Reading(amount, NOW, 5) for name, amount in amounts.items()}


def utilization(current: int, target: int, groups: Groups, requests: int = 1000, **amounts: int) -> int:
    names = [*groups.ready, *groups.unready, *groups.missing]
    asked = dict.fromkeys(names, requests)
    return by_utilization(current, target, [], readings(**amounts), asked, groups, STEADY).replicas


def test_the_ratio_of_use_to_target_is_the_ratio_of_replicas() -> None:
    assert utilization(3, 30, Groups(ready=["a", "b", "c"]), a=300, b=500, c=700) == 5
    assert utilization(3, 100, Groups(ready=["a", "b", "c"]), a=300, b=500, c=700) == 2
    assert utilization(3, 50, Groups(ready=["a", "b", "c"]), a=500, b=545, c=500) == 3, "a tenth is not worth a change"


def test_pods_that_are_missing_or_not_ready_only_dampen() -> None:
    groups = Groups(ready=["a", "b"], missing=["c"])
    assert utilization(3, 50, groups, a=1000, b=1000) == 4, "as if the missing one used nothing"
    assert utilization(3, 50, groups, a=100, b=100) == 3, "as if the missing one used all that it requests"
    unready = Groups(ready=["a"], unready=["b", "c"])
    assert utilization(3, 50, unready, a=1000) == 3, "the others may still take their share"
    with pytest.raises(NoMetrics, match="did not receive metrics for targeted pods"):
        utilization(1, 50, Groups(unready=["a"]), a=1000)


def test_values_and_shares() -> None:
    assert by_average(2, 100, readings(a=150, b=250), Groups(ready=["a", "b"]), STEADY).replicas == 4
    assert by_value(2, 2, 30, 10, STEADY) == 6
    assert by_value(0, 0, 25, 10, STEADY) == 3
    assert by_share(3, 3, 100, 10, STEADY) == 10
    assert by_share(3, 3, 31, 10, STEADY) == 3


def pod(name: str, phase: str = "Running", ready: str = "True", age: float = 3600, since: float = 3600) -> Obj:
    from podo.values import timestamp

    condition = {"type": "Ready", "status": ready, "lastTransitionTime": timestamp.time(NOW - since)}
    status = {"phase": phase, "startTime": timestamp.time(NOW - age), "conditions": [condition]}
    return {"metadata": {"name": name}, "status": status}


def test_whose_cpu_is_believed() -> None:
    pods = [
        pod("ready"),
        pod("pending", phase="Pending"),
        pod("failed", phase="Failed"),
        pod("silent"),
        pod("starting", ready="False", age=60, since=60),
        pod("fresh", age=60, since=2),  # ready, but what it used was measured before
        pod("broken-later", ready="False", age=3600, since=60),
        pod("never-ready", ready="False", age=3600, since=3590),
    ]
    known = readings(**{p["metadata"]["name"]: 1 for p in pods if p["metadata"]["name"] != "silent"})
    groups = grouped(pods, known, "cpu", NOW)
    assert groups.ready == ["ready", "broken-later"]
    assert groups.unready == ["pending", "starting", "fresh", "never-ready"]
    assert (groups.missing, groups.ignored) == (["silent"], ["failed"])
    assert grouped(pods, known, "memory", NOW).unready == ["pending"]


def spec(least: int = 1, most: int = 100, **behavior: Any) -> Obj:
    return {"minReplicas": least, "maxReplicas": most, **({"behavior": behavior} if behavior else {})}


def test_growth_without_a_behaviour_is_double_and_four_at_least_in_fifteen_seconds() -> None:
    memory = Memory()
    found = bounded(spec(), memory, 1, 50, NOW)
    assert (found.replicas, found.limit[0]) == (4, "ScaleUpLimit")
    memory.scaled(NOW, 1, 4)
    assert bounded(spec(), memory, 4, 50, NOW + 10).replicas == 4
    assert bounded(spec(), memory, 4, 50, NOW + 16).replicas == 8
    assert bounded(spec(), Memory(), 3, 50, NOW).replicas == 6


def test_growth_that_a_behaviour_leaves_out_is_four_pods_or_double_in_fifteen_seconds() -> None:
    memory, other = Memory(), {"scaleDown": {"selectPolicy": "Disabled"}}
    found = bounded(spec(**other), memory, 1, 50, NOW)
    assert (found.replicas, found.limit[0]) == (5, "ScaleUpLimit")
    memory.scaled(NOW, 1, 5)
    assert bounded(spec(**other), memory, 5, 50, NOW + 10).replicas == 5
    assert bounded(spec(**other), memory, 5, 50, NOW + 16).replicas == 10
    assert bounded(spec(most=7), memory, 5, 50, NOW + 16)[2:] == (
        True,
        ("TooManyReplicas", "the desired replica count is more than the maximum replica count"),
    )


def test_nothing_shrinks_before_all_recommendations_of_five_minutes_agree() -> None:
    memory = Memory()
    assert bounded(spec(), memory, 10, 10, NOW).replicas == 10
    held = bounded(spec(), memory, 10, 2, NOW + 299)
    assert (held.replicas, held.able[0]) == (10, "ScaleDownStabilized")
    assert bounded(spec(), memory, 10, 2, NOW + 301).replicas == 2
    assert bounded(spec(least=3), Memory(), 10, 1, NOW).limit[0] == "TooFewReplicas"


def test_policies_of_ones_own() -> None:
    slow = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}
    found = bounded(spec(scaleDown=slow), Memory(), 50, 1, NOW)
    assert (found.replicas, found.limit[0]) == (45, "ScaleDownLimit")
    both = {
        "selectPolicy": "Min",
        "policies": [
            {"type": "Pods", "value": 2, "periodSeconds": 60},
            {"type": "Percent", "value": 100, "periodSeconds": 60},
        ],
    }
    assert bounded(spec(scaleUp=both), Memory(), 10, 90, NOW).replicas == 12
    assert bounded(spec(scaleUp={"selectPolicy": "Disabled"}), Memory(), 10, 90, NOW).replicas == 10
    steady = {"stabilizationWindowSeconds": 120, "policies": [{"type": "Pods", "value": 9, "periodSeconds": 15}]}
    memory = Memory()
    bounded(spec(scaleUp=steady), memory, 10, 10, NOW)
    assert bounded(spec(scaleUp=steady), memory, 10, 15, NOW + 60).able[0] == "ScaleUpStabilized"
    assert bounded(spec(scaleUp=steady), memory, 10, 15, NOW + 121).replicas == 15


@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.integers(1, 20), st.integers(20, 60))
def test_whatever_is_wanted_the_number_stays_within_its_bounds(wanted: list[int], least: int, most: int) -> None:
    memory, current = Memory(), least
    for step, each in enumerate(wanted):
        found = bounded(spec(least, most), memory, current, each, NOW + 15 * step)
        memory.scaled(NOW + 15 * step, current, found.replicas)
        assert least <= found.replicas <= most
        assert found.replicas <= max(2 * current, current + 4)
        current = found.replicas
