"""Changing the size of ReplicaSets: one by one, or all in proportion when a Deployment is scaled during a rollout."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of
from podo.controllers.deployment.history import DESIRED, MAXIMUM, replica_annotations
from podo.controllers.deployment.rollout import Rollout, is_rolling, max_surge, wanted
from podo.controllers.replicaset import replicas_of
from podo.reconcile.actions import Action, Tell, Update


def resize(deployment: Obj, rs: Obj, replicas: int) -> Iterator[Action]:
    """Gives ``rs`` this size and the annotations of the Deployment's, with an Event where the size changes."""
    annotations = replica_annotations(deployment)
    before = replicas_of(rs)
    if before == replicas and annotations.items() <= annotations_of(rs).items():
        return
    changed = copy.deepcopy(rs)
    changed["spec"]["replicas"] = replicas
    changed["metadata"]["annotations"] = {**annotations_of(rs), **annotations}
    yield Update(changed)
    if before != replicas:
        yield told(deployment, name_of(rs), before, replicas)


def told(deployment: Obj, name: str, before: int, after: int) -> Tell:
    direction = "up" if after > before else "down"
    return Tell(deployment, "ScalingReplicaSet", f"Scaled {direction} replica set {name} from {before} to {after}")


def is_scaled(rollout: Rollout) -> bool:
    """Has someone changed the Deployment's size since its ReplicaSets were given theirs?"""
    wanted_now = replicas_of(rollout.deployment)
    sizes = [annotations_of(rs).get(DESIRED, "") for rs in rollout.all if replicas_of(rs) > 0]
    return any(size.isdecimal() and int(size) != wanted_now for size in sizes)


def scale(rollout: Rollout) -> Iterator[Action]:
    """Brings the ReplicaSets to the Deployment's size without going on with the rollout."""
    deployment = rollout.deployment
    single = _active_or_latest(rollout)
    if single is not None:
        if replicas_of(single) != replicas_of(deployment):
            yield from resize(deployment, single, replicas_of(deployment))
    elif rollout.new is not None and is_saturated(deployment, rollout.new):
        for rs in rollout.active_old:
            yield from resize(deployment, rs, 0)
    elif is_rolling(deployment):
        for rs, size in _in_proportion(rollout):
            yield from resize(deployment, rs, size)


def is_saturated(deployment: Obj, rs: Obj) -> bool:
    """Has ``rs`` the whole of the Deployment, available, and was it sized for this size?"""
    replicas = replicas_of(deployment)
    available = int((rs.get("status") or {}).get("availableReplicas") or 0)
    return replicas_of(rs) == replicas == available and annotations_of(rs).get(DESIRED) == str(replicas)


def _active_or_latest(rollout: Rollout) -> Obj | None:
    """The only ReplicaSet that has replicas; the newest where none has; None where several have."""
    active = [rs for rs in rollout.all if replicas_of(rs) > 0]
    if len(active) > 1:
        return None
    if active:
        return active[0]
    return rollout.new if rollout.new is not None else next(reversed(rollout.old), None)


def _in_proportion(rollout: Rollout) -> Iterator[tuple[Obj, int]]:
    """(ReplicaSet, new size): each gets its share of the difference, the largest one what rounding leaves."""
    deployment = rollout.deployment
    active = [rs for rs in rollout.all if replicas_of(rs) > 0]
    replicas = replicas_of(deployment)
    allowed = replicas + max_surge(deployment) if replicas > 0 else 0
    to_add = allowed - wanted(active)
    newest_first = to_add > 0
    # Largest first; of equals the newer first when growing, the older first when shrinking.
    ordered = sorted(reversed(active) if newest_first else active, key=replicas_of, reverse=True)
    added = 0
    sizes: list[int] = []
    for rs in ordered:
        share = _share(rs, deployment)
        room = to_add - added
        part = (min(share, room) if to_add > 0 else max(share, room)) if room else 0
        sizes.append(replicas_of(rs) + part)
        added += part
    if sizes and to_add:
        sizes[0] = max(0, sizes[0] + to_add - added)
    yield from zip(ordered, sizes, strict=True)


def _share(rs: Obj, deployment: Obj) -> int:
    """By how much the ReplicaSet would change if it kept its part of the Deployment's greatest size."""
    replicas = replicas_of(deployment)
    if replicas == 0:
        return -replicas_of(rs)
    text = annotations_of(rs).get(MAXIMUM, "")
    before = int(text) if text.isdecimal() else 0
    before = before or int((deployment.get("status") or {}).get("replicas") or 0)
    if not before:
        return 0
    exact = replicas_of(rs) * (replicas + max_surge(deployment)) / before
    return math.floor(exact + 0.5) - replicas_of(rs)
