from __future__ import annotations

import gc
import weakref
from typing import Any

from podo.scheduler.leaving import Leaving
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.profile import default_profile
from podo.scheduler.queue import LONGEST_WAIT, Queue, Waiting
from tests.unit.scheduler.clusters import pod

FIT = frozenset({"NodeResourcesFit"})


class Watched(dict[str, Any]):
    """A pod of which can be told when nobody has it any more."""


def queue() -> Queue:
    return Queue(default_profile().wakes)


def names(q: Queue, now: float) -> list[str]:
    found = []
    while (entry := q.pop(now)) is not None:
        found.append(entry.pod.name)
    return found


def test_priority_first_then_who_came_first() -> None:
    q = queue()
    q.put(pod("late"), 2)
    q.put(pod("early"), 1)
    q.put(pod("important", priority=10), 3)
    assert names(q, 4) == ["important", "early", "late"]


def test_unschedulable_pods_wait_for_an_event_that_helps() -> None:
    q = queue()
    q.put(pod("p"), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, FIT)
    q.wake(ClusterEvent.NODE_LABELS, 0.1)
    assert names(q, 100) == [] and len(q) == 1
    q.wake(ClusterEvent.POD_REMOVED, 0.5, lambda asked: asked.name != "p")
    assert names(q, 100) == [] and len(q) == 1
    q.wake(ClusterEvent.POD_REMOVED, 0.5)
    assert names(q, 0.9) == ["p"]


def test_nothing_is_kept_of_unschedulable_pods_that_go() -> None:
    q = queue()
    kept = []
    for number in range(3):
        q.put(pod(f"p{number}"), 0)
        entry = q.pop(0)
        assert entry is not None
        q.refused(entry, frozenset({"NodeAffinity", "TaintToleration"}))
        entry.pod.obj = found = Watched(entry.pod.obj)
        kept.append(weakref.ref(found))
    del entry, found
    q.remove("uid-p0")
    assert names(q, LONGEST_WAIT) == ["p1", "p2"]  # nothing woke them for so long
    q.pop(LONGEST_WAIT + 1)
    gc.collect()
    assert [each() for each in kept] == [None, None, None]


def test_any_event_may_help_a_pod_that_an_extender_refused() -> None:
    q = queue()
    q.put(pod("p"), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, frozenset({"http://extender"}))
    q.wake(ClusterEvent.NODE_LABELS, 0.5)
    assert names(q, 2) == ["p"]


def test_after_a_refusal_others_come_first_until_the_backoff_ends() -> None:
    q = queue()
    q.put(pod("refused", priority=9), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, FIT)
    q.wake(ClusterEvent.POD_REMOVED, 0.5)
    q.put(pod("new"), 0.5)
    assert names(q, 0.9) == ["new", "refused"], "it need not wait when nobody else is ready"
    q.refused(entry, FIT)
    q.wake(ClusterEvent.POD_REMOVED, 1)
    q.put(pod("newer"), 1)
    assert names(q, 4) == ["refused", "newer"], "after its back-off its priority counts"


def test_backoff_doubles_from_one_to_ten_seconds() -> None:
    q = queue()
    q.put(pod("p"), 0)
    now, waits = 0.0, []
    for _ in range(6):
        entry = q.pop(now)
        assert entry is not None
        q.failed(entry)
        moment = q.next_at()
        assert moment is not None
        waits.append(moment - now)
        now = moment
    assert waits == [1, 2, 4, 8, 10, 10]


def test_nobody_waits_for_ever() -> None:
    q = queue()
    q.put(pod("p"), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, FIT)
    assert q.next_at() == LONGEST_WAIT
    assert names(q, LONGEST_WAIT) == ["p"]


def test_gates_hold_a_pod_until_they_are_gone() -> None:
    q = queue()
    q.put(pod("p", schedulingGates=[{"name": "example.com/wait"}]), 0)
    assert names(q, 1) == [] and q.ready == 0
    q.put(pod("p"), 2)
    assert names(q, 2) == ["p"]


def test_a_change_that_does_not_matter_wakes_nobody_and_one_that_does_wakes() -> None:
    q = queue()
    q.put(pod("p", {"cpu": "9"}), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, FIT)
    q.put(pod("p", {"cpu": "9"}), 5)
    assert names(q, 5) == []
    q.put(pod("p", {"cpu": "1"}), 6)
    assert names(q, 6) == ["p"]


def test_removed_pods_are_gone() -> None:
    q = queue()
    q.put(pod("p"), 0)
    q.remove("uid-p")
    assert len(q) == 0 and names(q, 1) == []


def test_a_pod_whose_victims_are_not_seen_to_be_going_yet_is_held() -> None:
    q = queue()
    leaving = Leaving(q)
    q.put(pod("p"), 0)
    entry = q.pop(0)
    assert entry is not None
    q.refused(entry, FIT)
    leaving.expect(entry.pod.uid, ["a", "b"])
    leaving.seen("a")
    q.wake(ClusterEvent.POD_REMOVED, 1)
    assert names(q, 100) == []
    leaving.seen("b")
    q.wake(ClusterEvent.POD_REMOVED, 2)
    assert names(q, 100) == ["p"]
    q.refused(entry, FIT)
    leaving.expect(entry.pod.uid, ["c"])
    leaving.give_up(entry.pod.uid)
    q.activate(entry.pod.uid)
    assert names(q, 2) == ["p"]
    leaving.seen("c")
    leaving.seen("stranger")


def taken(q: Queue, now: float) -> Waiting:
    entry = q.pop(now)
    assert entry is not None
    return entry


def test_errors_back_off_by_themselves() -> None:
    q = queue()
    q.put(pod("p"), 0)
    for refusal in range(4):
        q.refused(taken(q, refusal * 100), FIT)
        q.wake(ClusterEvent.POD_REMOVED, refusal * 100 + 50)
    q.failed(taken(q, 1000))
    assert q.next_at() == 1001, "the first error, after refusals that came to eight seconds"
    q.failed(taken(q, 1001))
    assert q.next_at() == 1003
    entry = taken(q, 1003)
    q.refused(entry, FIT)
    assert entry.backoff_ends == 1003 + 10


def test_the_more_important_of_those_whose_backoff_ends_in_the_same_second() -> None:
    q = queue()
    for name, at, priority in (("low", 0.1, 0), ("high", 0.7, 9), ("late", 1.2, 10)):
        q.put(pod(name, priority=priority), at)
        q.refused(taken(q, at), FIT)
    q.wake(ClusterEvent.POD_REMOVED, 1.0)
    assert names(q, 1.05) == ["high", "low", "late"]
