"""RollingUpdate: how large the new ReplicaSet may be now, and by how much the old ones may shrink."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.controllers.deployment.rollout import Rollout, count, is_rolling, max_surge, max_unavailable, wanted
from podo.controllers.deployment.scaling import resize
from podo.controllers.replicaset import replicas_of
from podo.reconcile.actions import Action


def size_of_new(rollout: Rollout) -> int:
    """The size the new ReplicaSet may have: all pods together stay within replicas + maxSurge."""
    deployment = rollout.deployment
    replicas = replicas_of(deployment)
    present = replicas_of(rollout.new) if rollout.new is not None else 0
    if not is_rolling(deployment):
        return replicas
    room = replicas + max_surge(deployment) - wanted(rollout.all)
    return present + max(0, min(room, replicas - present))


def grow_new(rollout: Rollout, new: Obj) -> Iterator[Action]:
    """Grows the new ReplicaSet as far as the surge allows, or shrinks it where it is too large."""
    replicas = replicas_of(rollout.deployment)
    if replicas_of(new) == replicas:
        return
    size = replicas if replicas_of(new) > replicas else size_of_new(rollout)
    if size != replicas_of(new):
        yield from resize(rollout.deployment, new, size)


def shrink_old(rollout: Rollout, new: Obj) -> Iterator[Action]:
    """Shrinks old ReplicaSets as far as enough pods stay available: what is unavailable first, then the oldest."""
    sizes = {rs["metadata"]["name"]: replicas_of(rs) for rs in rollout.active_old}
    if not sizes:
        return
    minimum = replicas_of(rollout.deployment) - max_unavailable(rollout.deployment)
    missing = replicas_of(new) - count([new], "availableReplicas")
    allowance = wanted(rollout.all) - minimum - missing
    if allowance <= 0:
        return
    for rs in rollout.active_old:  # those that are not healthy
        cut = min(allowance, max(0, replicas_of(rs) - count([rs], "availableReplicas")))
        sizes[rs["metadata"]["name"]] -= cut
        allowance -= cut
    spare = max(0, count(rollout.all, "availableReplicas") - minimum)
    for rs in rollout.active_old:
        cut = min(spare, sizes[rs["metadata"]["name"]])
        sizes[rs["metadata"]["name"]] -= cut
        spare -= cut
    for rs in rollout.active_old:
        if sizes[rs["metadata"]["name"]] != replicas_of(rs):
            yield from resize(rollout.deployment, rs, sizes[rs["metadata"]["name"]])
