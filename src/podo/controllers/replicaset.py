"""ReplicaSet and ReplicationController: keep ``spec.replicas`` active pods of their template; adopt orphans, delete
the least useful first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import controller_of, is_deleting, labels_of, name_of, namespace_of, owner_reference
from podo.controllers import conditions
from podo.controllers.claims import Claims, claim, claimants
from podo.controllers.deletionrank import least_useful
from podo.controllers.podstate import is_active, is_ready, is_terminating, seconds_until_available
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, SetStatus, Tell, rest_after
from podo.reconcile.declare import Among, Key, View, controller
from podo.reconcile.refusals import in_going_namespace, of_going_namespace

#: The most pods that one pass creates or deletes.
BURST = 500


def _adopters(pod: Obj, view: View) -> Iterator[Key]:
    for rs in claimants("ReplicaSet", pod, view):
        yield Key(namespace_of(rs), name_of(rs))


def _adopters_of_old(pod: Obj, view: View) -> Iterator[Key]:
    for rc in claimants("ReplicationController", pod, view):
        yield Key(namespace_of(rc), name_of(rc))


@controller(
    reconciles="ReplicaSet",
    owns=("Pod",),
    watches={"Pod": Among("ReplicaSet", _adopters)},
    reads=("Namespace",),
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    rs = view.get("ReplicaSet", key.name, key.namespace)
    if rs is not None:
        yield from replicate(rs, view)


@controller(
    name="replicationcontroller",
    reconciles="ReplicationController",
    owns=("Pod",),
    watches={"Pod": Among("ReplicationController", _adopters_of_old)},
    reads=("Namespace",),
)
def replicationcontroller(key: Key, view: View) -> Iterator[Action]:
    rc = view.get("ReplicationController", key.name, key.namespace)
    if rc is not None:
        yield from replicate(rc, view)


def replicate(rs: Obj, view: View) -> Iterator[Action]:
    """One pass over a ReplicaSet or a ReplicationController."""
    claims = claim(rs, "Pod", rs["spec"].get("selector") or {}, view)
    yield from claims.actions()
    active = [pod for pod in claims.held if is_active(pod)]
    if not is_deleting(rs):
        yield from _manage(rs, active, claims, view)
    yield SetStatus(rs, status_of(rs, claims.held, view.now))
    if len(active) >= replicas_of(rs):
        yield from rest_after(len(claims.held))
    waits = [w for pod in active if (w := seconds_until_available(pod, _min_ready(rs), view.now))]
    if waits:
        yield CheckAgain(min(waits))


def _manage(rs: Obj, active: list[Obj], claims: Claims, view: View) -> Iterator[Action]:
    """Creates what is missing or deletes what is too much, ``BURST`` at most."""
    missing = replicas_of(rs) - len(active)
    if missing > 0 and not in_going_namespace(rs, view):
        names = view.names(f"{name_of(rs)}-", ())
        for _, name in zip(range(min(missing, BURST)), names, strict=False):
            yield Create(pod_for(rs, name), on_refusal=_failed(rs, claims, view.now, "FailedCreate", "creating"))
            yield Tell(rs, "SuccessfulCreate", f"Created pod: {name}")
    elif missing < 0:
        for pod in least_useful(active, min(-missing, BURST), _related(rs, view), view.now):
            yield Delete(pod, on_refusal=_failed(rs, claims, view.now, "FailedDelete", "deleting"))
            yield Tell(rs, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


def _failed(rs: Obj, claims: Claims, now: float, reason: str, doing: str) -> Callable[[Exception], Iterator[Action]]:
    """What a refused create or delete means: a Warning and the condition ReplicaFailure."""

    def actions(error: Exception) -> Iterator[Action]:
        if of_going_namespace(error):
            yield SetStatus(rs, status_of(rs, claims.held, now))
            return
        yield Tell(rs, reason, f"Error {doing}: {error}", "Warning")
        failure = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": str(error)}
        yield SetStatus(rs, status_of(rs, claims.held, now, failure))

    return actions


def _related(rs: Obj, view: View) -> list[Obj]:
    """The active pods of all ReplicaSets of this one's owner, its own included: they are spread over nodes together."""
    owner = controller_of(rs)
    siblings = [rs]
    if owner is not None:
        others = view.list(rs["kind"], namespace_of(rs))
        siblings = [other for other in others if (controller_of(other) or {}).get("uid") == owner["uid"]]
    return [pod for sibling in siblings for pod in view.owned_by(sibling, "Pod") if is_active(pod)]


def replicas_of(rs: Obj) -> int:
    """The wanted number of replicas; the API's default is 1."""
    replicas = rs["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _min_ready(rs: Obj) -> int:
    return int(rs["spec"].get("minReadySeconds") or 0)


def pod_for(rs: Obj, name: str) -> Obj:
    """A pod of the template, owned by ``rs``."""
    template = copy.deepcopy(rs["spec"]["template"])
    metadata = template.get("metadata") or {}
    kept = {field: metadata[field] for field in ("labels", "annotations", "finalizers") if metadata.get(field)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": f"{name_of(rs)}-",
            "namespace": namespace_of(rs),
            **kept,
            "ownerReferences": [owner_reference(rs)],
        },
        "spec": template["spec"],
    }


def status_of(rs: Obj, held: list[Obj], now: float, failure: dict[str, Any] | None = None) -> dict[str, Any]:
    """``status`` as the pods at hand give it; ``failure`` is the condition ReplicaFailure, if any."""
    active = [pod for pod in held if is_active(pod)]
    wanted = (rs["spec"]["template"].get("metadata") or {}).get("labels") or {}
    old = (rs.get("status") or {}).get("conditions") or []
    conds = conditions.with_condition(old, failure, now) if failure else conditions.without(old, "ReplicaFailure")
    counts = {
        "fullyLabeledReplicas": sum(wanted.items() <= labels_of(pod).items() for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(seconds_until_available(pod, _min_ready(rs), now) == 0 for pod in active),
    }
    terminating = sum(is_terminating(pod) for pod in held)
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        **({} if rs["kind"] == "ReplicationController" else {"terminatingReplicas": terminating}),
        "observedGeneration": rs["metadata"].get("generation", 0),
        **({"conditions": conds} if conds else {}),
    }
