"""Deployment: moves pods from old ReplicaSets to the one of the present template, and keeps the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import (
    annotations_of,
    condition_of,
    controller_of,
    is_controlled_by,
    is_deleting,
    name_of,
    namespace_of,
    uid_of,
)
from podo.controllers import conditions
from podo.controllers.claims import claim, claimants
from podo.controllers.deployment import history, status
from podo.controllers.deployment.rolling import grow_new, shrink_old, size_of_new
from podo.controllers.deployment.rollout import Rollout, count, is_rolling
from podo.controllers.deployment.scaling import is_scaled, resize, scale, told
from podo.controllers.podstate import is_finished
from podo.controllers.replicaset import replicas_of
from podo.reconcile.actions import Action, CheckAgain, Create, Patch, SetStatus, Tell
from podo.reconcile.declare import Key, View, controller
from podo.reconcile.refusals import of_going_namespace


def _adopters(rs: Obj, view: View) -> Iterator[Key]:
    for deployment in claimants("Deployment", rs, view):
        yield Key(namespace_of(deployment), name_of(deployment))


def _recreated(pod: Obj, view: View) -> Iterator[Key]:
    """A Recreate rollout waits for the last old pod to go, which changes no ReplicaSet's status in the end."""
    reference = controller_of(pod)
    rs = view.get("ReplicaSet", reference["name"], namespace_of(pod)) if reference else None
    owner = controller_of(rs) if rs is not None else None
    if owner is None or owner["kind"] != "Deployment":
        return
    deployment = view.get("Deployment", owner["name"], namespace_of(pod))
    if deployment is not None and not is_rolling(deployment):
        yield Key(namespace_of(pod), owner["name"])


@controller(
    name="deployment",
    reconciles="Deployment",
    owns=("ReplicaSet",),
    watches={"ReplicaSet": _adopters, "Pod": _recreated},
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    deployment = view.get("Deployment", key.name, key.namespace)
    if deployment is None:
        return
    selector = deployment["spec"].get("selector") or {}
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        message = "This deployment is selecting all pods. A non-empty selector is required."
        yield Tell(deployment, "SelectingAll", message, "Warning")
        return
    claims = claim(deployment, "ReplicaSet", selector, view)
    yield from claims.actions()
    rollout = _rollout(deployment, history.by_age(claims.held), view.now)
    if is_deleting(deployment):
        yield from _counted(rollout)
    elif (pause := status.paused_condition(deployment)) is not None:
        present = (deployment.get("status") or {}).get("conditions") or []
        changed = status.with_condition(present, pause, view.now)
        yield SetStatus(deployment, {**(deployment.get("status") or {}), "conditions": changed})
    else:
        yield from _step(rollout, view)


def _rollout(deployment: Obj, sets: list[Obj], now: float) -> Rollout:
    """The oldest of equal template is the new one: where two match, each pass must choose the same."""
    new = next((rs for rs in sets if history.is_of_template(rs, deployment)), None)
    return Rollout(deployment, new, [rs for rs in sets if rs is not new], now)


def _step(rollout: Rollout, view: View) -> Iterator[Action]:
    annotated = list(_annotate(rollout))
    if annotated:
        yield from annotated
        return
    if rollout.deployment["spec"].get("paused") or is_scaled(rollout):
        yield from scale(rollout)
        if rollout.deployment["spec"].get("paused"):
            yield from history.forget(rollout)
        yield from _counted(rollout)
    elif is_rolling(rollout.deployment):
        yield from _roll(rollout, view)
    else:
        yield from _recreate(rollout, view)


def _annotate(rollout: Rollout) -> Iterator[Action]:
    """Brings revision and annotations of the new ReplicaSet, then the Deployment's own revision, up to date."""
    deployment, new = rollout.deployment, rollout.new
    if new is None:
        return
    changed = history.brought_up_to_date(rollout)
    if changed is not None:
        minimum = changed["spec"].get("minReadySeconds") or 0
        spec = {} if minimum == (new["spec"].get("minReadySeconds") or 0) else {"minReadySeconds": minimum}
        yield Patch(new, {"metadata": {"annotations": annotations_of(changed)}, "spec": spec})
        return
    revision = annotations_of(new).get(history.REVISION)
    if revision != annotations_of(deployment).get(history.REVISION):
        yield Patch(deployment, {"metadata": {"uid": uid_of(deployment), "annotations": {history.REVISION: revision}}})
    elif status.deadline_of(deployment) is not None and condition_of(deployment, "Progressing") is None:
        text = f'Found new replica set "{name_of(new)}"'
        yield _progressing(rollout, status.condition("Progressing", "True", "FoundNewReplicaSet", text))


def _roll(rollout: Rollout, view: View) -> Iterator[Action]:
    new = rollout.new
    if new is None:
        yield from _create_new(rollout, view)
        return
    actions = list(grow_new(rollout, new)) or list(shrink_old(rollout, new))
    yield from actions
    yield from _finish(rollout)


def _recreate(rollout: Rollout, view: View) -> Iterator[Action]:
    shrinking = [action for rs in rollout.active_old for action in resize(rollout.deployment, rs, 0)]
    if shrinking or _old_pods_run(rollout, view):
        yield from shrinking
        yield from _finish(rollout)
    elif rollout.new is None:
        yield from _create_new(rollout, view)
    else:
        if replicas_of(rollout.new) != replicas_of(rollout.deployment):
            yield from resize(rollout.deployment, rollout.new, replicas_of(rollout.deployment))
        yield from _finish(rollout)


def _old_pods_run(rollout: Rollout, view: View) -> bool:
    if count(rollout.old, "replicas"):
        return True
    return any(not is_finished(pod) for rs in rollout.old for pod in view.owned_by(rs, "Pod"))


def _create_new(rollout: Rollout, view: View) -> Iterator[Action]:
    deployment = rollout.deployment
    rs = history.new_replicaset(rollout, size_of_new(rollout))
    there = view.get("ReplicaSet", name_of(rs), namespace_of(rs))
    if there is not None and not is_controlled_by(there, deployment):
        yield _collided(deployment)
        return
    if there is not None and not history.is_of_template(there, deployment):
        yield _collided(deployment)
        return
    yield Create(rs, on_refusal=_not_created(rollout, rs))
    if replicas_of(rs):
        yield told(deployment, name_of(rs), 0, replicas_of(rs))
    text = f'Created new replica set "{name_of(rs)}"'
    yield _progressing(rollout, status.condition("Progressing", "True", "NewReplicaSetCreated", text))


def _collided(deployment: Obj) -> SetStatus:
    """The name is another's: count it, which gives another hash and so another name."""
    old = deployment.get("status") or {}
    return SetStatus(deployment, {**old, "collisionCount": (old.get("collisionCount") or 0) + 1})


def _not_created(rollout: Rollout, rs: Obj) -> Callable[[Exception], Iterator[Action]]:
    def actions(error: Exception) -> Iterator[Action]:
        if of_going_namespace(error):
            return
        text = f'Failed to create new replica set "{name_of(rs)}": {error}'
        yield _progressing(rollout, status.condition("Progressing", "False", "ReplicaSetCreateError", text))
        yield Tell(rollout.deployment, "ReplicaSetCreateError", text, "Warning")

    return actions


def _progressing(rollout: Rollout, progress: conditions.Condition) -> SetStatus:
    """The status with counts and this condition Progressing, which is left out where there is no deadline."""
    counted = status.counts(rollout)
    if status.deadline_of(rollout.deployment) is None:
        return SetStatus(rollout.deployment, counted)
    changed = status.with_condition(counted["conditions"], progress, rollout.now)
    return SetStatus(rollout.deployment, {**counted, "conditions": changed})


def _finish(rollout: Rollout) -> Iterator[Action]:
    """Writes how far the rollout is, forgets old history once complete, and comes back when the deadline passes."""
    now = status.of_rollout(rollout)
    if status.is_complete(rollout.deployment, now):
        yield from history.forget(rollout)
    yield SetStatus(rollout.deployment, now)
    wait = status.look_again_after(rollout, now)
    if wait is not None:
        yield CheckAgain(wait)


def _counted(rollout: Rollout) -> Iterator[Action]:
    """Only the counts and Available: a paused or deleted Deployment makes no progress."""
    yield SetStatus(rollout.deployment, status.counts(rollout))
