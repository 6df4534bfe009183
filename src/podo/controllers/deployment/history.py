"""A Deployment's ReplicaSets as its history: which is new, its name and hash, revisions, and what may be forgotten."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, metadata, name_of, namespace_of, owner_reference, uid_of
from podo.controllers.deployment.rollout import Rollout, max_surge
from podo.controllers.replicaset import replicas_of
from podo.controllers.templatehash import HASH_LABEL, plain, template_hash
from podo.reconcile.actions import Action, Delete

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
#: Annotations of a Deployment that its ReplicaSets do not get.
_OWN = frozenset(
    {
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
    }
)
#: The longest revision-history annotation, in characters; the oldest revisions are cut off.
HISTORY_CHARACTERS = 2000


def by_age(sets: list[Obj]) -> list[Obj]:
    """Oldest first, by name where made in the same second."""
    return sorted(sets, key=lambda rs: (rs["metadata"].get("creationTimestamp") or "", name_of(rs)))


def is_of_template(rs: Obj, deployment: Obj) -> bool:
    """Has the ReplicaSet the Deployment's present template, the hash label apart?"""
    return plain(rs["spec"]["template"]) == plain(deployment["spec"]["template"])


def revision_number(obj: Obj) -> int:
    """The revision annotation; 0 where it is absent or no number."""
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def next_revision(rollout: Rollout) -> int:
    return max((revision_number(rs) for rs in rollout.old), default=0) + 1


def new_replicaset(rollout: Rollout, replicas: int) -> Obj:
    """The ReplicaSet of the present template, to be created."""
    deployment = rollout.deployment
    hashed = template_hash(deployment)
    template = copy.deepcopy(deployment["spec"]["template"])
    labels = {**(metadata(template).get("labels") or {}), HASH_LABEL: hashed}
    template["metadata"]["labels"] = labels
    selector = copy.deepcopy(deployment["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed}
    spec = {"replicas": replicas, "selector": selector, "template": template}
    if minimum := deployment["spec"].get("minReadySeconds"):
        spec["minReadySeconds"] = minimum
    rs: Obj = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name_of(deployment)}-{hashed}",
            "namespace": namespace_of(deployment),
            "labels": labels,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": spec,
    }
    rs["metadata"]["annotations"] = {
        **_passed_on(deployment),
        REVISION: str(next_revision(rollout)),
        **replica_annotations(deployment),
    }
    return rs


def replica_annotations(deployment: Obj) -> dict[str, str]:
    """What a ReplicaSet remembers of the Deployment's size: scaling in proportion starts from it."""
    replicas = replicas_of(deployment)
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}


def _passed_on(deployment: Obj) -> dict[str, str]:
    return {key: value for key, value in annotations_of(deployment).items() if key not in _OWN}


def brought_up_to_date(rollout: Rollout) -> Obj | None:
    """The new ReplicaSet with the annotations and minReadySeconds it should have; None where it has them."""
    deployment, rs = rollout.deployment, rollout.new
    if rs is None:
        return None
    annotations = {**annotations_of(rs), **_passed_on(deployment)}
    old, new = revision_number(rs), next_revision(rollout)
    if old < new:
        annotations[REVISION] = str(new)
        if old:
            annotations[REVISION_HISTORY] = _longer(annotations.get(REVISION_HISTORY, ""), str(old))
    minimum = deployment["spec"].get("minReadySeconds") or 0
    if annotations == annotations_of(rs) and minimum == (rs["spec"].get("minReadySeconds") or 0):
        return None
    changed = copy.deepcopy(rs)
    changed["metadata"]["annotations"] = annotations
    changed["spec"]["minReadySeconds"] = minimum
    return changed


def _longer(history: str, revision: str) -> str:
    revisions = [*filter(None, history.split(",")), revision]
    while len(",".join(revisions)) > HISTORY_CHARACTERS:
        revisions.pop(0)
    return ",".join(revisions)


def forget(rollout: Rollout) -> Iterator[Action]:
    """Deletes the oldest empty ReplicaSets beyond ``revisionHistoryLimit``."""
    limit = rollout.deployment["spec"].get("revisionHistoryLimit")
    if limit is None:
        return
    living = [rs for rs in rollout.old if not is_deleting(rs)]
    for rs in sorted(living, key=lambda rs: (revision_number(rs), uid_of(rs)))[: max(0, len(living) - limit)]:
        status = rs.get("status") or {}
        seen = int(status.get("observedGeneration") or 0) >= int(rs["metadata"].get("generation") or 0)
        if seen and not status.get("replicas") and not replicas_of(rs):
            yield Delete(rs)
