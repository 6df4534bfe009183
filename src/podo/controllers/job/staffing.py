"""Which pods a Job needs now: how many at once, for which indexes, how long after failures, and what they are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, metadata, name_of
from podo.api.parts.podtemplate import each_container
from podo.controllers.deletionrank import unfinished_first
from podo.controllers.job.failurepolicy import judge
from podo.controllers.job.tally import (
    FAILURES,
    IGNORED,
    INDEX,
    TRACKING,
    Tally,
    completions_of,
    has_failed,
    index_of,
    is_indexed,
    is_tracked,
    number_in,
    untracked,
    waits_for_end,
)
from podo.controllers.podstate import finished_at, is_active, is_terminating, phase_of
from podo.controllers.replicaset import pod_for
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, Tell
from podo.reconcile.declare import View
from podo.reconcile.refusals import in_going_namespace, of_going_namespace

#: The most pods that one pass creates or deletes.
BURST = 500
#: Seconds that a failed pod's successor waits: after the first failure, and at most.
FIRST_DELAY, LONGEST_DELAY = 10.0, 600.0
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def staff(tally: Tally, view: View) -> Iterator[Action]:
    """Deletes what is too much or, where nothing is, creates what is missing."""
    job, active = tally.job, tally.active
    if job["spec"].get("suspend"):
        yield from _let_go(tally, active[:BURST])
        return
    wanted = _wanted(tally, len(active))
    surplus = _surplus(tally, active, max(0, len(active) - wanted))
    if surplus:
        yield from _let_go(tally, surplus[:BURST])
        return
    terminating = tally.terminating if waits_for_end(job) else 0
    missing = min(wanted - terminating - len(active), BURST)
    if missing > 0 and not in_going_namespace(job, view):
        yield from _hire_indexed(tally, missing, view) if is_indexed(job) else _hire(tally, missing, view)


def _wanted(tally: Tally, active: int) -> int:
    """How many pods should run at once."""
    parallelism = int(tally.job["spec"].get("parallelism") or 0)
    completions = tally.job["spec"].get("completions")
    if completions is None:
        return active if tally.succeeded else parallelism
    return max(0, min(completions - tally.succeeded, parallelism))


def _surplus(tally: Tally, active: list[Obj], count: int) -> list[Obj]:
    """Pods of indexes that are done, out of range or had twice; then as many more as ``count`` asks for."""
    if not is_indexed(tally.job):
        return unfinished_first(active)[:count] if count else []
    taken: set[int] = set()
    doubled: list[Obj] = []
    useful: list[Obj] = []
    done = tally.succeeded_indexes | tally.failed_indexes
    for pod in reversed(unfinished_first(active)):
        index = index_of(pod)
        is_wanted = index not in taken and index not in done and 0 <= index < completions_of(tally.job)
        (useful if is_wanted else doubled).append(pod)
        taken.add(index)
    more = max(0, count - len(doubled))
    return [*doubled, *useful[::-1][:more]]


def _let_go(tally: Tally, pods: list[Obj]) -> Iterator[Action]:
    """Deletes pods that did nothing wrong: without the finalizer they count as neither failed nor succeeded."""
    for pod in pods:
        if is_tracked(pod):
            yield untracked(pod)
    yield from dismiss(tally.job, pods)


def dismiss(job: Obj, pods: list[Obj]) -> Iterator[Action]:
    for pod in pods:
        yield Delete(pod, on_refusal=_failed(job, "FailedDelete", "deleting"))
        yield Tell(job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


def _failed(job: Obj, reason: str, doing: str) -> Callable[[Exception], Iterator[Action]]:
    def actions(error: Exception) -> Iterator[Action]:
        if of_going_namespace(error):
            return
        yield Tell(job, reason, f"Error {doing}: {error}", "Warning")

    return actions


def _hire(tally: Tally, count: int, view: View) -> Iterator[Action]:
    wait = _back_off(tally)
    if wait > 0:
        yield CheckAgain(wait)
        return
    for _, name in zip(range(count), view.names(f"{name_of(tally.job)}-", ()), strict=False):
        yield from _create(tally.job, new_pod(tally.job, name))


def _create(job: Obj, pod: Obj) -> Iterator[Action]:
    yield Create(pod, on_refusal=_failed(job, "FailedCreate", "creating"))
    yield Tell(job, "SuccessfulCreate", f"Created pod: {name_of(pod)}")


def delay_after(failures: int) -> float:
    """Seconds after the last of so many failures in a row."""
    return min(FIRST_DELAY * 2.0 ** min(failures - 1, 30), LONGEST_DELAY) if failures > 0 else 0.0


def _back_off(tally: Tally) -> float:
    """Seconds until the next pod may start: failures since the last success count, by the pods that are left."""
    successes = [finished_at(pod, tally.now) for pod in tally.pods if phase_of(pod) == "Succeeded"]
    since = max(successes, default=float("-inf"))
    ends = [finished_at(pod, tally.now) for pod in tally.pods if has_failed(tally.job, pod)]
    failures = [end for end in ends if end >= since]
    return max(failures) + delay_after(len(failures)) - tally.now if failures else 0.0


def _hire_indexed(tally: Tally, count: int, view: View) -> Iterator[Action]:
    job = tally.job
    per_index = job["spec"].get("backoffLimitPerIndex") is not None
    if not per_index and (wait := _back_off(tally)) > 0:
        yield CheckAgain(wait)
        return
    failed = last_failed(tally) if per_index else {}
    waits = []
    for index in _free_indexes(tally, count):
        wait = _index_back_off(failed[index], tally.now) if index in failed else 0.0
        if wait > 0:
            waits.append(wait)
            continue
        name = next(iter(view.names(f"{name_of(job)}-{index}-", ())))
        yield from _create(job, _indexed_pod(job, name, index, failed.get(index)))
    if waits:
        yield CheckAgain(min(waits))


def _free_indexes(tally: Tally, count: int) -> Iterator[int]:
    """The first indexes that neither have ended nor have a pod."""
    busy = tally.succeeded_indexes | tally.failed_indexes
    terminating = waits_for_end(tally.job)
    busy |= {index_of(p) for p in tally.pods if is_active(p) or (terminating and is_terminating(p))}
    for index in range(completions_of(tally.job)):
        if count == 0:
            return
        if index not in busy:
            count -= 1
            yield index


def last_failed(tally: Tally) -> dict[int, Obj]:
    """The last failed pod of each index that goes on: its successor counts on from it."""
    found: dict[int, list[Obj]] = defaultdict(list)
    over = tally.succeeded_indexes | tally.failed_indexes
    for pod in tally.pods:
        if has_failed(tally.job, pod) and index_of(pod) not in over:
            found[index_of(pod)].append(pod)
    return {index: max(pods, key=_tries) for index, pods in found.items()}


def _tries(pod: Obj) -> tuple[int, str]:
    return number_in(pod, FAILURES) + number_in(pod, IGNORED), name_of(pod)


def held_back(tally: Tally) -> set[str]:
    """The uids of failed pods that must not go before they have a successor, which takes their count over."""
    if tally.job["spec"].get("backoffLimitPerIndex") is None:
        return set()
    followed = {index_of(pod) for pod in tally.pods if not has_failed(tally.job, pod) and not is_deleting(pod)}
    return {pod["metadata"]["uid"] for index, pod in last_failed(tally).items() if index not in followed}


def _index_back_off(pod: Obj, now: float) -> float:
    return finished_at(pod, now) + delay_after(_tries(pod)[0] + 1) - now


def new_pod(job: Obj, name: str) -> Obj:
    """A pod of the template, with the finalizer by which it is counted."""
    pod = pod_for(job, name)
    finalizers = [*(pod["metadata"].get("finalizers") or ())]
    pod["metadata"]["finalizers"] = finalizers if TRACKING in finalizers else [*finalizers, TRACKING]
    return pod


def _indexed_pod(job: Obj, name: str, index: int, before: Obj | None) -> Obj:
    """A pod that knows its index by annotation, label, host name and environment."""
    pod = new_pod(job, name)
    found = metadata(pod)
    annotations = {**(found.get("annotations") or {}), INDEX: str(index)}
    if job["spec"].get("backoffLimitPerIndex") is not None:
        annotations |= _failure_counts(job, before)
    found["annotations"] = annotations
    found["labels"] = {**(found.get("labels") or {}), INDEX: str(index)}
    found["generateName"] = f"{name_of(job)}-{index}-"
    pod["spec"]["hostname"] = f"{name_of(job)}-{index}"
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in each_container(pod["spec"]):
        env = container.get("env") or []
        if all(variable.get("name") != INDEX_VARIABLE for variable in env):
            container["env"] = [*env, {"name": INDEX_VARIABLE, "valueFrom": source}]
    return pod


def _failure_counts(job: Obj, before: Obj | None) -> dict[str, str]:
    if before is None:
        return {FAILURES: "0"}
    counts = judge(job, before).counts
    failures, ignored = number_in(before, FAILURES) + counts, number_in(before, IGNORED) + (not counts)
    return {FAILURES: str(failures), **({IGNORED: str(ignored)} if ignored else {})}
