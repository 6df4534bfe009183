"""Preemption decided: who would have to go, compared with trying every set of victims in plain Python."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from podo.scheduler import podinfo
from podo.scheduler.budgets import Budget
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Candidates, default_profile
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import NodeInfo, Snapshot, awaited
from podo.scheduler.victims import Victims, lower, reckoned, tried
from podo.values.selector import from_label_selector, from_map
from tests.unit.scheduler import oracle
from tests.unit.scheduler.clusters import node, pod, snapshot

PROFILE = default_profile()


def room_for(asked: PodInfo, cluster: Snapshot, cycle: Cycle | None = None) -> Victims | Refusal | Placement:
    cycle = cycle or Cycle(cluster, PROFILE)
    outcome = cycle.place(asked, lambda count: 0)
    if isinstance(outcome, Placement):
        return outcome
    victims, refusal = cycle.make_room(asked, outcome)
    return victims or refusal


def victims_of(asked: PodInfo, cluster: Snapshot) -> tuple[str, list[str]]:
    found = room_for(asked, cluster)
    assert isinstance(found, Victims)
    return found.node_name, [each.name for each in found.pods]


def started(name: str, at: str, cpu: str, priority: int) -> PodInfo:
    obj = pod(name, {"cpu": cpu}, priority=priority).obj
    return podinfo.read({**obj, "status": {"startTime": f"2026-01-01T00:00:{at}Z"}})


def test_as_many_as_possible_stay_and_the_more_important_first() -> None:
    cluster = snapshot(node("n", cpu="4"))
    for name, cpu, priority in (("a", "1", 5), ("b", "2", 4), ("c", "1", 3)):
        cluster.add_pod(pod(name, {"cpu": cpu}, priority=priority), "n")
    assert victims_of(pod("p", {"cpu": "2"}, priority=10), cluster) == ("n", ["b"])
    assert victims_of(pod("p", {"cpu": "3"}, priority=10), cluster) == ("n", ["b", "c"])
    assert victims_of(pod("p", {"cpu": "1"}, priority=5), cluster) == ("n", ["c"])


def test_which_node() -> None:
    """The lowest greatest priority, the lowest sum, the fewest, those that started last."""
    nodes = [node(f"n{number}", cpu="4") for number in range(4)]
    cluster = snapshot(*nodes)
    on = {
        "n0": [started("a", "01", "4", 7)],
        "n1": [started("b", "01", "2", 5), started("c", "01", "2", 5)],
        "n2": [started("d", "03", "4", 5)],
        "n3": [started("e", "02", "4", 5)],
    }
    for name, pods in on.items():
        for each in pods:
            cluster.add_pod(each, name)
    asked = pod("p", {"cpu": "4"}, priority=10)
    assert victims_of(asked, cluster) == ("n2", ["d"])
    cluster.remove_node("n2")
    assert victims_of(asked, cluster) == ("n3", ["e"])
    cluster.remove_node("n3")
    assert victims_of(asked, cluster) == ("n1", ["b", "c"])


def test_the_words_when_nobody_can_go() -> None:
    cluster = snapshot(node("full"), node("small", cpu="1"), node("odd", labels={"zone": "b"}))
    cluster.add_pod(pod("equal", {"cpu": "4"}, priority=10), "full")
    found = room_for(pod("p", {"cpu": "2"}, priority=10, nodeSelector={"kubernetes.io/hostname": "full"}), cluster)
    assert isinstance(found, Refusal)
    assert found.message() == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. "
        "no new claims to deallocate, preemption: "
        "0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )
    cluster.add_pod(pod("lower", priority=1), "full")
    asked = pod("p", {"cpu": "2"}, priority=10, nodeSelector={"kubernetes.io/hostname": "full"})
    found = room_for(asked, cluster)
    assert isinstance(found, Refusal)
    assert "preemption: 0/3 nodes are available: 1 Insufficient cpu, 2 Preemption" in found.message()


def test_room_that_is_kept_counts_until_somebody_more_important_wants_it() -> None:
    cluster = snapshot(node("n", cpu="4"))
    waiting = pod("waiting", {"cpu": "4"}, priority=10)
    cluster.nominate(waiting, "n")
    found = room_for(pod("other", {"cpu": "1"}, priority=9), cluster)
    assert isinstance(found, Refusal) and "No preemption victims found" in found.message()
    more = room_for(pod("more", {"cpu": "1"}, priority=11), cluster)
    assert isinstance(more, Victims) and [awaited(each) for each in more.pods] == ["uid-waiting"]
    assert cluster.release("uid-waiting") and not cluster.release("uid-waiting")
    assert isinstance(room_for(pod("other", {"cpu": "1"}), cluster), Placement)


@pytest.mark.parametrize("reason", ["PreemptionByScheduler", "DeletionByTaintManager", ""])
def test_a_pod_whose_victims_are_leaving_does_not_ask_for_more(reason: str) -> None:
    """Only what a scheduler has evicted counts as leaving for the pod."""
    cluster = snapshot(node("n", cpu="4"), node("m", cpu="4"))
    metadata = {"name": "leaving", "namespace": "default", "uid": "u", "deletionTimestamp": "now"}
    conditions = [{"type": "DisruptionTarget", "status": "True", "reason": reason}] if reason else []
    leaving = pod("leaving", {"cpu": "4"}, priority=1).obj
    cluster.add_pod(podinfo.read({**leaving, "metadata": metadata, "status": {"conditions": conditions}}), "n")
    cluster.add_pod(pod("low", {"cpu": "4"}, priority=1), "m")
    asked = podinfo.read({**pod("p", {"cpu": "4"}, priority=9).obj, "status": {"nominatedNodeName": "n"}})
    found = room_for(asked, cluster)
    waits = isinstance(found, Refusal) and found.keeps_room
    assert waits == (reason == "PreemptionByScheduler")


def test_how_many_candidates() -> None:
    """So many percent of the nodes where it might help, but at least so many; nodes that cannot help do not count."""
    nodes = [node(f"n{number}", cpu="1", labels={"zone": "a"}) for number in range(40)]
    far = [node(f"far{number}", cpu="1", labels={"zone": "b"}) for number in range(40)]
    cluster = snapshot(*nodes, *far)
    for each in (*nodes, *far):
        cluster.add_pod(pod(f"on-{each.name}", {"cpu": "1"}), each.name)
    asked = pod("p", {"cpu": "1"}, priority=1, nodeSelector={"zone": "a"})
    for candidates, expected in ((Candidates(10, 1), 4), (Candidates(10, 7), 7), (Candidates(100, 0), 40)):
        cycle = Cycle(cluster, replace(PROFILE, preemption=candidates))
        refusal = cycle.place(asked, lambda count: 0)
        assert isinstance(refusal, Refusal)
        found, _ = cycle.candidates(asked, refusal, first=77)
        assert len({each.node_name for each in found}) == expected


@pytest.mark.parametrize("seed", range(30))
def test_the_victims_are_those_of_the_rules_applied_node_by_node(seed: int) -> None:
    """Pods come, go and preempt; what is remembered from one preemption to the next changes nothing."""
    r = random.Random(seed)
    nodes = [node(f"n{number}", cpu=r.choice(["2", "3"]), pods=r.choice(["3", "5"])) for number in range(4)]
    cluster = snapshot(*nodes)
    budgets = [Budget("default", from_map({"app": app}), r.randint(0, 2)) for app in "ab"]
    for index, budget in enumerate(budgets):
        cluster.set_budget("default", f"b{index}", budget)
    cycle = Cycle(cluster, PROFILE)
    for step in range(60):
        asked = random_pod(r, f"p{step}")
        found = room_for(asked, cluster, cycle)
        if isinstance(found, Placement):
            cluster.add_pod(asked, found.node_name)
            continue
        expected = {each.name: best for each in nodes if (best := expected_victims(asked, each, cluster, budgets))}
        if not isinstance(found, Victims):
            assert not expected
            continue
        names = {each.name for each in found.pods}
        assert (names, found.violations) == expected[found.node_name]
        assert found.violations == min(violations for _, violations in expected.values())
        for name in names:
            cluster.remove_pod(f"uid-{name}")
        cluster.add_pod(asked, found.node_name)


@pytest.mark.parametrize("seed", range(20))
def test_reckoning_gives_what_trying_gives(seed: int) -> None:
    r = random.Random(seed)
    cluster = snapshot(node("n", cpu=r.choice(["3", "6"]), pods=r.choice(["3", "9"]), more={"example.com/gpu": "2"}))
    fit = next(each for each in PROFILE.filters if isinstance(each, NodeResourcesFit))
    for index, app in enumerate("ab"):
        cluster.set_budget("default", f"b{index}", Budget("default", from_map({"app": app}), r.randint(0, 1)))
    for number in range(r.randint(1, 8)):
        cluster.add_pod(random_pod(r, f"p{number}"), "n")
    for _ in range(10):
        asked = pod(
            "asks", {"cpu": r.choice(["1", "3", "7"]), "example.com/gpu": r.choice(["0", "1", "3"])}, priority=3
        )
        below = lower(asked, cluster, "n")
        before = cluster.amounts(0)
        assert reckoned(asked, cluster, fit, "n", below) == tried(asked, cluster, PROFILE, "n", below)
        assert cluster.amounts(0) == before


def random_pod(r: random.Random, name: str) -> PodInfo:
    obj = pod(name, {"cpu": r.choice(["500m", "1", "2"])}, priority=r.randint(0, 5)).obj
    obj["metadata"]["labels"] = {"app": r.choice("abc")}
    obj["status"] = {"startTime": f"2026-01-01T00:00:{r.randint(0, 59):02}Z"}
    return podinfo.read(obj)


def expected_victims(
    asked: PodInfo, where: NodeInfo, cluster: Snapshot, budgets: list[Budget]
) -> tuple[set[str], int] | None:
    """All lower ones go, then each stays that can: first those whose going a budget forbids, the important first."""
    here = list(cluster.pods_on(where.name).values())
    lower = sorted((p for p in here if p.priority < asked.priority), key=lambda p: (-p.priority, p.started))
    staying = [p for p in here if p.priority >= asked.priority]
    if not lower or not oracle.feasible(asked, where, {where.name: staying}):
        return None
    violating: list[PodInfo] = []
    allowed = [budget.allowed for budget in budgets]
    for each in lower:
        hit = [i for i, budget in enumerate(budgets) if budget.covers(each)]
        for i in hit:
            allowed[i] -= 1
        if any(allowed[i] < 0 for i in hit):
            violating.append(each)
    gone: set[str] = set()
    for each in [*violating, *(p for p in lower if p not in violating)]:
        if oracle.feasible(asked, where, {where.name: [*staying, each]}):
            staying.append(each)
        else:
            gone.add(each.name)
    return gone, sum(each.name in gone for each in violating)


def test_the_greedy_choice_is_never_larger_than_needed() -> None:
    """No victim could have stayed beside the others that stay."""
    r = random.Random(7)
    for _ in range(50):
        cluster = snapshot(node("n", cpu="4"))
        for number in range(6):
            cluster.add_pod(random_pod(r, f"p{number}"), "n")
        asked = pod("asked", {"cpu": "2"}, priority=9)
        found = room_for(asked, cluster)
        if isinstance(found, Victims):
            gone = {each.name for each in found.pods}
            stay = [each for each in cluster.pods_on("n").values() if each.name not in gone]
            for one in found.pods:
                assert not oracle.feasible(asked, node("n", cpu="4"), {"n": [*stay, one]})


def test_no_budget_covers_a_pod_without_labels() -> None:
    selector = from_label_selector({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})
    plain, labelled = pod("plain"), pod("labelled").obj
    labelled["metadata"]["labels"] = {"tier": "a"}
    budget = Budget("default", selector, 0)
    assert not budget.covers(plain) and budget.covers(podinfo.read(labelled))


def test_a_pod_that_never_preempts_keeps_the_node_that_it_was_given() -> None:
    refusal = room_for(pod("p", {"cpu": "9"}, preemptionPolicy="Never"), snapshot(node("n")))
    assert isinstance(refusal, Refusal) and refusal.keeps_room
    none = room_for(pod("p", {"cpu": "9"}), snapshot(node("n")))
    assert isinstance(none, Refusal) and not none.keeps_room
