"""StatefulSet: numbered pods, made in order, deleted and replaced from the highest number down, each with claims."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from podo.api.kind import Obj
from podo.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.controllers import revisions
from podo.controllers.claims import claim, claimants
from podo.controllers.podstate import phase_of, seconds_until_available
from podo.controllers.replicaset import replicas_of
from podo.controllers.statefulset.identity import NAME_LABEL, identity, is_member, numbered_pod, ordinal_of, revision_of
from podo.controllers.statefulset.rollout import (
    Rollout,
    blocks,
    is_running_and_ready,
    sorted_out,
    to_condemn,
    to_replace,
)
from podo.controllers.statefulset.storage import CLAIM, is_stale, missing_claims, owned_claims
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, OnRefusal, Patch, SetStatus, Tell
from podo.reconcile.declare import Among, Key, View, controller
from podo.reconcile.refusals import in_going_namespace, of_going_namespace

#: Seconds after which a claim that goes with the pod that had it is expected to be gone.
STALE_CLAIM = 1.0


def _adopters(pod: Obj, view: View) -> Iterator[Key]:
    for statefulset in claimants("StatefulSet", pod, view):
        yield Key(namespace_of(statefulset), name_of(statefulset))


@controller(
    name="statefulset",
    reconciles="StatefulSet",
    owns=("Pod", "ControllerRevision"),
    watches={"Pod": Among("StatefulSet", _adopters), "ControllerRevision": _adopters},
    reads=(CLAIM, "Namespace"),
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    statefulset = view.get("StatefulSet", key.name, key.namespace)
    if statefulset is None:
        return
    claims = claim(statefulset, "Pod", statefulset["spec"]["selector"], view, partial(is_member, statefulset))
    yield from claims.actions()
    history = revisions.history(statefulset, view)
    if history.collided:
        status = statefulset.get("status") or {}
        yield SetStatus(
            statefulset, {"replicas": 0, **status, "collisionCount": (status.get("collisionCount") or 0) + 1}
        )
        return
    if not is_deleting(statefulset):
        yield from history.actions
    rollout = sorted_out(statefulset, claims.held, history, view.now)
    if not is_deleting(statefulset):
        yield from _step(rollout, view)
    yield _status(rollout)
    minimum = int(statefulset["spec"].get("minReadySeconds") or 0)
    waits = [wait for pod in claims.held if (wait := seconds_until_available(pod, minimum, view.now))]
    if waits:
        yield CheckAgain(min(waits))


def _step(rollout: Rollout, view: View) -> Iterator[Action]:
    """What is missing first, then what is too much, then what is old; where ordered, one thing at a time."""
    statefulset = rollout.statefulset
    for pod in rollout.pods.values():
        yield from owned_claims(statefulset, pod, False, view)
    for pod in rollout.condemned:
        yield from owned_claims(statefulset, pod, True, view)
    in_use = frozenset(map(revision_of, rollout.all)) | {name_of(rollout.current)}
    yield from revisions.forget(rollout.history.old, statefulset["spec"].get("revisionHistoryLimit"), in_use)
    acted = False
    for number in rollout.numbers:
        actions = list(_bring_up(rollout, number, view))
        acted = acted or bool(actions)
        yield from actions
        if blocks(rollout, number):
            return
    doomed = list(to_condemn(rollout))
    for pod in doomed:
        yield from _deleted(rollout, pod)
    if not doomed and not (rollout.is_ordered and rollout.condemned) and not acted:
        for pod in to_replace(rollout):
            yield from _deleted(rollout, pod)


def _bring_up(rollout: Rollout, number: int, view: View) -> Iterator[Action]:
    """Makes the pod of a number where there is none; deletes one that has ended, to make another."""
    statefulset, pod = rollout.statefulset, rollout.pods.get(number)
    if pod is None and is_stale(statefulset, number, view):
        yield CheckAgain(STALE_CLAIM)
    elif pod is None:
        yield from _made(rollout, number, view)
    elif phase_of(pod) in ("Failed", "Succeeded") and not is_deleting(pod):
        failed = phase_of(pod) == "Failed"
        word = "failed" if failed else "terminated"
        where = f"StatefulSet {namespace_of(pod)}/{name_of(statefulset)}"
        text = f"{where} is recreating {word} Pod {name_of(pod)}"
        reason, kind = ("RecreatingFailedPod", "Warning") if failed else ("RecreatingTerminatedPod", "Normal")
        yield Tell(statefulset, reason, text, kind)
        yield from _deleted(rollout, pod)
    elif not is_deleting(pod):
        if phase_of(pod) == "Pending":
            yield from missing_claims(statefulset, number, view, lambda _: [_status(rollout)])
        yield from _identified(statefulset, pod)


def _made(rollout: Rollout, number: int, view: View) -> Iterator[Action]:
    statefulset = rollout.statefulset
    if in_going_namespace(statefulset, view):
        return
    pod = numbered_pod(statefulset, rollout.revision_for(number), number)
    failed = _failed(rollout, "create", name_of(pod))
    yield from missing_claims(statefulset, number, view, failed)
    yield Create(pod, on_refusal=failed)
    text = f"create Pod {name_of(pod)} in StatefulSet {name_of(statefulset)} successful"
    yield Tell(statefulset, "SuccessfulCreate", text)


def _identified(statefulset: Obj, pod: Obj) -> Iterator[Action]:
    """An adopted pod, or one that somebody changed, is found by its name again."""
    labels = identity(name_of(pod), ordinal_of(statefulset, pod))
    if labels_of(pod).get(NAME_LABEL) != name_of(pod):
        yield Patch(pod, {"metadata": {"uid": uid_of(pod), "labels": labels}})
        text = f"update Pod {name_of(pod)} in StatefulSet {name_of(statefulset)} successful"
        yield Tell(statefulset, "SuccessfulUpdate", text)


def _deleted(rollout: Rollout, pod: Obj) -> Iterator[Action]:
    yield Delete(pod, on_refusal=_failed(rollout, "delete", name_of(pod)))
    text = f"delete Pod {name_of(pod)} in StatefulSet {name_of(rollout.statefulset)} successful"
    yield Tell(rollout.statefulset, "SuccessfulDelete", text)


def _failed(rollout: Rollout, verb: str, pod: str) -> OnRefusal:
    statefulset = rollout.statefulset

    def actions(error: Exception) -> Iterator[Action]:
        if not of_going_namespace(error):
            text = f"{verb} Pod {pod} in StatefulSet {name_of(statefulset)} failed error: {error}"
            yield Tell(statefulset, f"Failed{verb.capitalize()}", text, "Warning")
        yield _status(rollout)

    return actions


def _status(rollout: Rollout) -> SetStatus:
    return SetStatus(rollout.statefulset, status_of(rollout))


def status_of(rollout: Rollout) -> Obj:
    """Counts over all pods; the current revision moves on when every pod is of the new one and ready."""
    statefulset, pods = rollout.statefulset, rollout.all
    staying = [pod for pod in pods if not is_deleting(pod)]
    current, update = name_of(rollout.current), name_of(rollout.update)
    counts = {
        "replicas": len(pods),
        "readyReplicas": sum(map(is_running_and_ready, pods)),
        "currentReplicas": sum(revision_of(pod) == current for pod in staying),
        "updatedReplicas": sum(map(rollout.is_updated, staying)),
        "availableReplicas": sum(map(rollout.is_available, pods)),
    }
    rolls = statefulset["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    done = (counts[name] == replicas_of(statefulset) for name in ("updatedReplicas", "readyReplicas", "replicas"))
    if rolls and all(done):
        current, counts["currentReplicas"] = update, counts["updatedReplicas"]
    old = statefulset.get("status") or {}
    kept = {field: old[field] for field in ("conditions",) if old.get(field)}
    return {
        **{name: count for name, count in counts.items() if count or name in ("replicas", "availableReplicas")},
        "currentRevision": current,
        "updateRevision": update,
        "observedGeneration": statefulset["metadata"].get("generation", 0),
        "collisionCount": old.get("collisionCount") or 0,
        **kept,
    }
