"""What holds of a cluster after each single write of a controller, not only in the end."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, name_of
from podo.controllers.job.tally import is_tracked
from podo.controllers.podstate import is_ready, phase_of


def _of(kind: str, objects: list[Obj]) -> list[Obj]:
    return [obj for obj in objects if obj["kind"] == kind]


def rolls_within_its_bounds(objects: list[Obj]) -> bool:
    """Of two replicas and one more at most, both stay available while a rollout goes on."""
    sets = _of("ReplicaSet", objects)
    wanted = [rs["spec"]["replicas"] for rs in sets]
    available = [(rs.get("status") or {}).get("availableReplicas") or 0 for rs in sets]
    is_rolling = any(annotations_of(rs).get("deployment.kubernetes.io/revision") == "2" for rs in sets)
    kept = sum(map(min, wanted, available))
    return sum(wanted) <= 3 and (kept >= 2 or not is_rolling)


def has_three_pods_at_most(objects: list[Obj]) -> bool:
    """Never more pods than were ever wanted."""
    return sum(not is_deleting(pod) for pod in _of("Pod", objects)) <= 3


def comes_in_order(objects: list[Obj]) -> bool:
    """No numbered pod is there before the one of the number below is ready."""
    pods = sorted(_of("Pod", objects), key=name_of)
    return all(is_ready(pod) for pod in pods[:-1])


def counts_before_it_lets_go(objects: list[Obj]) -> bool:
    """Every pod that has ended is held by the Job until it is written down that it has."""
    (status,) = [job.get("status") or {} for job in _of("Job", objects)]
    uncounted = status.get("uncountedTerminatedPods") or {}
    written = (status.get("succeeded") or 0) + len(uncounted.get("succeeded") or ())
    return sum(phase_of(pod) == "Succeeded" and not is_tracked(pod) for pod in _of("Pod", objects)) <= written
