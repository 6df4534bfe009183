"""Where the pods of a manifest would go: workloads become their pods, and these are placed one after the other on a
snapshot that nobody else sees. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.client.cache import CacheChange
from podo.client.index import Place
from podo.scheduler import podinfo
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.follow import KINDS, Follower
from podo.scheduler.profile import Profile, default_profile
from podo.scheduler.queue import Queue
from podo.scheduler.snapshot import Snapshot, awaited
from podo.scheduler.telling import not_served, scheduler_of
from podo.scheduler.victims import Victims

#: Pods at most, of all workloads together.
MOST = 100_000
_BUILT_IN = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_REPLICATED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})


class CannotSimulate(ValueError):
    """The manifest holds what cannot be tried; the message says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``node_name``: "" where no node takes the pod, and then ``message`` says why. ``preempted``: who would have to
    go."""

    pod: str
    node_name: str
    message: str = ""
    preempted: tuple[str, ...] = ()


def pods_of(objects: Iterable[Obj]) -> Iterator[Obj]:
    """The pods that the objects are, or that their controllers would make."""
    for obj in objects:
        kind, spec = obj.get("kind"), obj.get("spec") or {}
        if kind == "Pod":
            yield obj
        elif kind in _REPLICATED:
            yield from _copies(obj, spec.get("template"), int(spec.get("replicas", 1)))
        elif kind == "Job":
            yield from _copies(obj, spec.get("template"), int(spec.get("parallelism", 1)))
        elif kind == "CronJob":
            inner = (spec.get("jobTemplate") or {}).get("spec") or {}
            yield from _copies(obj, inner.get("template"), int(inner.get("parallelism", 1)))


def _copies(owner: Obj, template: Obj | None, count: int) -> Iterator[Obj]:
    if not template or not template.get("spec"):
        raise CannotSimulate(f"{owner['kind']} {name_of(owner)} has no pod template")
    for number in range(count):
        metadata = copy.deepcopy(template.get("metadata") or {})
        metadata["name"] = f"{name_of(owner)}-{number}"
        metadata["namespace"] = namespace_of(owner)
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}


def simulate(
    objects: Iterable[Obj], snapshot: Snapshot, priorities: Mapping[str, int], profiles: Iterable[Profile] = ()
) -> list[Outcome]:
    """Places the pods, the most important first, each by the profile of its ``schedulerName``; other objects (claims,
    Services, nodes …) are added to the snapshot before. ``priorities``: value by PriorityClass; "" for the global
    default. ``profiles``: none for the default one."""
    everything = [copy.deepcopy(obj) for obj in objects]
    _add(everything, snapshot)
    known = {**_BUILT_IN, **priorities, **_priorities(everything)}
    pods: list[Obj] = []
    for number, pod in enumerate(pods_of(everything)):
        if number >= MOST:
            raise CannotSimulate(f"more than {MOST} pods")
        pods.append(_completed(pod, number, known))
    pods.sort(key=lambda pod: -int(pod["spec"].get("priority") or 0))
    return list(_placed(pods, snapshot, tuple(profiles) or (default_profile(),)))


def _add(objects: Iterable[Obj], snapshot: Snapshot) -> None:
    follower = Follower(snapshot, Queue({}), ())
    for obj in objects:
        if obj.get("kind") in KINDS and obj["kind"] != "Pod":
            obj["metadata"].setdefault("uid", f"simulated/{obj['kind']}/{name_of(obj)}")
            follower.changed([CacheChange(obj["kind"], Place(namespace_of(obj), name_of(obj)), None, obj)], 0.0)


def _priorities(objects: Iterable[Obj]) -> dict[str, int]:
    found = [obj for obj in objects if obj.get("kind") == "PriorityClass"]
    return priorities_of(found)


def priorities_of(classes: Iterable[Obj]) -> dict[str, int]:
    """Values by name; "" for the global default."""
    found: dict[str, int] = {}
    for each in classes:
        found[name_of(each)] = int(each.get("value") or 0)
        if each.get("globalDefault"):
            found[""] = int(each.get("value") or 0)
    return found


def _completed(pod: Obj, number: int, priorities: Mapping[str, int]) -> Obj:
    """With what the API server would fill in."""
    pod["metadata"].setdefault("name", f"pod-{number}")
    pod["metadata"]["uid"] = f"simulated/{number}"
    kind = registry.named("Pod")
    kind.fill_in(pod)
    for problem in kind.problems(pod, None):
        raise CannotSimulate(f"pod {name_of(pod)}: {problem.path}: {problem.message}")
    spec = pod["spec"]
    name = spec.get("priorityClassName") or ""
    if name and name not in priorities:
        raise CannotSimulate(f"pod {name_of(pod)}: no PriorityClass with name {name} was found")
    spec.setdefault("priority", priorities.get(name, 0))
    return pod


def _placed(pods: Iterable[Obj], snapshot: Snapshot, profiles: Iterable[Profile]) -> Iterator[Outcome]:
    cycles = {profile.name: Cycle(snapshot, profile) for profile in profiles}
    for obj in pods:
        pod = podinfo.read(obj)
        if pod.node_name:
            snapshot.add_pod(pod, pod.node_name)
            yield Outcome(pod.key, pod.node_name, "names its node")
            continue
        cycle = cycles.get(scheduler_of(pod))
        if cycle is None:
            yield Outcome(pod.key, "", not_served(scheduler_of(pod)))
            continue
        outcome = cycle.place(pod, lambda count: 0)
        if isinstance(outcome, Placement):
            snapshot.add_pod(pod, outcome.node_name)
            yield Outcome(pod.key, outcome.node_name)
            continue
        victims, refusal = cycle.make_room(pod, outcome)
        if victims is None:
            yield Outcome(pod.key, "", refusal.message())
            continue
        yield _preempts(pod, victims, snapshot)


def _preempts(pod: podinfo.PodInfo, victims: Victims, snapshot: Snapshot) -> Outcome:
    for other in victims.pods:
        snapshot.release(awaited(other))
        snapshot.remove_pod(other.uid)
    snapshot.add_pod(pod, victims.node_name)
    return Outcome(pod.key, victims.node_name, preempted=tuple(other.key for other in victims.pods))


def made_up_nodes(count: int, amounts: Mapping[str, str], zones: int = 1) -> Iterator[Obj]:
    """Nodes as alike as can be, in so many zones; ``amounts``: allocatable resources."""
    for number in range(1, count + 1):
        name = f"node-{number}"
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": f"zone-{(number - 1) % max(1, zones) + 1}",
        }
        metadata = {"name": name, "labels": labels}
        yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"allocatable": dict(amounts)}}
