"""DaemonSet: one pod on each node that its template allows, replaced when they fail, rolled over when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.controllers import revisions
from podo.controllers.claims import claim, claimants
from podo.controllers.daemonset.backoff import Backoff, Place
from podo.controllers.daemonset.placement import Fit, by_node, daemon_pod, fit, target_of
from podo.controllers.daemonset.rolling import Rollout, next_step, surges
from podo.controllers.podstate import is_ready, phase_of, seconds_until_available
from podo.controllers.revisions import HASH, History
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, SetStatus, Tell
from podo.reconcile.declare import Among, Declaration, Key, View, controller
from podo.reconcile.refusals import in_going_namespace, of_going_namespace

#: The most pods that one pass creates, and the most that it deletes.
BURST = 250


def _adopters(pod: Obj, view: View) -> Iterator[Key]:
    for daemonset in claimants("DaemonSet", pod, view):
        yield Key(namespace_of(daemonset), name_of(daemonset))


def _all(node: Obj, view: View) -> Iterator[Key]:
    for daemonset in view.list("DaemonSet"):
        yield Key(namespace_of(daemonset), name_of(daemonset))


@dataclass(slots=True)
class _Plan:
    """What one look at all nodes says: pods that must go, nodes that need one, and what to tell."""

    delete: list[Obj] = field(default_factory=list)
    create: list[str] = field(default_factory=list)
    tell: list[Action] = field(default_factory=list)


def daemonset() -> Declaration:
    """The controller. It remembers where pods have failed."""
    backoff = Backoff()

    @controller(
        name="daemonset",
        reconciles="DaemonSet",
        owns=("Pod", "ControllerRevision"),
        watches={"Pod": Among("DaemonSet", _adopters), "ControllerRevision": _adopters, "Node": _all},
        reads=("Namespace",),
    )
    def reconcile(key: Key, view: View) -> Iterator[Action]:
        found = view.get("DaemonSet", key.name, key.namespace)
        if found is not None and not is_deleting(found):
            yield from _reconciled(found, view, backoff)

    return reconcile


def _reconciled(daemonset: Obj, view: View, backoff: Backoff) -> Iterator[Action]:
    selector = daemonset["spec"].get("selector") or {}
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        message = "This daemon set is selecting all pods. A non-empty selector is required."
        yield Tell(daemonset, "SelectingAll", message, "Warning")
        return
    claims = claim(daemonset, "Pod", selector, view)
    yield from claims.actions()
    history = revisions.history(daemonset, view)
    if history.collided:
        status = daemonset.get("status") or {}
        yield SetStatus(daemonset, {**_ZERO, **status, "collisionCount": (status.get("collisionCount") or 0) + 1})
        return
    yield from history.actions
    yield from _sync(daemonset, claims.held, history, view, backoff)


def _sync(daemonset: Obj, held: list[Obj], history: History, view: View, backoff: Backoff) -> Iterator[Action]:
    fits = {name_of(node): fit(daemonset, node) for node in view.list("Node")}
    pods = by_node(held)
    rollout = Rollout(daemonset, pods, history.hashes, sum(each.runs for each in fits.values()), view.now)
    plan = _manage(rollout, fits, backoff)
    if not plan.delete and not plan.create and daemonset["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        step = next_step(rollout)
        plan = _Plan(step.delete, step.create, plan.tell)
    yield from plan.tell
    status = SetStatus(daemonset, status_of(rollout, fits))
    yield from _carried_out(status, plan, labels_of(history.current)[HASH], view)
    in_use = frozenset(labels_of(pod).get(HASH, "") for pod in held)
    yield from revisions.forget(history.old, daemonset["spec"].get("revisionHistoryLimit"), in_use)
    yield status
    minimum = int(daemonset["spec"].get("minReadySeconds") or 0)
    waits = [wait for pod in held if (wait := seconds_until_available(pod, minimum, view.now))]
    if waits:
        yield CheckAgain(min(waits))


def _manage(rollout: Rollout, fits: dict[str, Fit], backoff: Backoff) -> _Plan:
    """What must be so whatever the strategy: a pod where one belongs, none where none does."""
    plan = _Plan()
    for node, each in fits.items():
        pods = rollout.pods.get(node, [])
        if each.runs and not pods:
            plan.create.append(node)
        elif each.stays:
            plan.delete.extend(_excess(rollout, _alive(rollout, pods, plan, backoff)))
        else:
            plan.delete.extend(pod for pod in pods if not is_deleting(pod))
    for node, pods in rollout.pods.items():  # made for a node that is gone before it was bound
        if node not in fits:
            plan.delete.extend(pod for pod in pods if not pod["spec"].get("nodeName") and not is_deleting(pod))
    return plan


def _alive(rollout: Rollout, pods: list[Obj], plan: _Plan, backoff: Backoff) -> list[Obj]:
    """The pods that run or may yet; those that ended are to be deleted."""
    alive = []
    for pod in pods:
        if is_deleting(pod):
            continue
        where = f"daemon pod {namespace_of(pod)}/{name_of(pod)} on node {target_of(pod)}"
        if phase_of(pod) == "Failed":
            generation = int(rollout.daemonset["metadata"].get("generation") or 0)
            place = Place(uid_of(rollout.daemonset), generation, target_of(pod))
            if (left := backoff.left(place, rollout.now)) > 0:
                plan.tell.append(CheckAgain(left))
                continue
            backoff.failed(place, rollout.now)
            text = f"Found failed {where}, will try to kill it"
            plan.tell.append(Tell(rollout.daemonset, "FailedDaemonPod", text, "Warning"))
            plan.delete.append(pod)
        elif phase_of(pod) == "Succeeded":
            text = f"Found succeeded {where}, will try to delete it"
            plan.tell.append(Tell(rollout.daemonset, "SucceededDaemonPod", text))
            plan.delete.append(pod)
        else:
            alive.append(pod)
    return alive


def _excess(rollout: Rollout, alive: list[Obj]) -> list[Obj]:
    """All but the oldest; while surging, an old pod that is ready stays beside a new one that is not yet."""
    if len(alive) <= 1:
        return []
    if not surges(rollout.daemonset):
        return alive[1:]
    new = next((pod for pod in alive if rollout.is_new(pod)), None)
    old = next((pod for pod in alive if not rollout.is_new(pod)), None)
    kept = [pod for pod in (new, old) if pod is not None]
    if new is not None and old is not None and (rollout.is_available(new) or not is_ready(old)):
        kept = [new]
    return [pod for pod in alive if all(pod is not each for each in kept)]


def _carried_out(status: SetStatus, plan: _Plan, hashed: str, view: View) -> Iterator[Action]:
    """``status`` is written also where something is refused."""
    daemonset = status.obj
    names = view.names(f"{name_of(daemonset)}-", ())
    nodes = [] if in_going_namespace(daemonset, view) else plan.create[:BURST]
    for node, name in zip(nodes, names, strict=False):
        failed = _failed(status, "FailedCreate", "creating")
        yield Create(daemon_pod(daemonset, name, node, hashed), on_refusal=failed)
        yield Tell(daemonset, "SuccessfulCreate", f"Created pod: {name}")
    for pod in plan.delete[:BURST]:
        yield Delete(pod, on_refusal=_failed(status, "FailedDelete", "deleting"))
        yield Tell(daemonset, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


def _failed(status: SetStatus, reason: str, doing: str) -> Callable[[Exception], Iterator[Action]]:
    def actions(error: Exception) -> Iterator[Action]:
        if not of_going_namespace(error):
            yield Tell(status.obj, reason, f"Error {doing}: {error}", "Warning")
        yield status

    return actions


_ZERO = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}


def status_of(rollout: Rollout, fits: dict[str, Fit]) -> Obj:
    """Counts over nodes; of a node with several pods the oldest counts."""
    counts = dict(_ZERO, updatedNumberScheduled=0, numberAvailable=0)
    for node, each in fits.items():
        pods = rollout.pods.get(node)
        if not each.runs:
            counts["numberMisscheduled"] += bool(pods)
            continue
        counts["desiredNumberScheduled"] += 1
        if pods:
            counts["currentNumberScheduled"] += 1
            counts["numberReady"] += is_ready(pods[0])
            counts["numberAvailable"] += is_ready(pods[0]) and rollout.is_available(pods[0])
            counts["updatedNumberScheduled"] += rollout.is_new(pods[0])
    counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
    collisions = (rollout.daemonset.get("status") or {}).get("collisionCount")
    return {
        **{name: count for name, count in counts.items() if count or name in _ZERO},
        "observedGeneration": rollout.daemonset["metadata"].get("generation", 0),
        **({"collisionCount": collisions} if collisions is not None else {}),
    }
