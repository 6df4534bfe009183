"""What must be true of a cluster in which nothing is broken any more: every workload is as it was asked for, nothing is
left over, nobody else's things were touched, and then nothing happens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from podo.api.meta import condition_is_true, controller_of, labels_of, name_of, namespace_of, uid_of
from podo.lab import World
from tests.sim.workloads import DOOMED

Obj = dict[str, Any]

#: Kinds that may own something here.
OWNERS = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job")
#: Kinds whose objects a story makes or has made for it.
MADE = (
    *OWNERS,
    "Pod",
    "Service",
    "EndpointSlice",
    "Endpoints",
    "ConfigMap",
    "ControllerRevision",
    "PodDisruptionBudget",
)
#: Virtual seconds between two looks; and after which what was late (Events that are told again) has been written.
LOOK_EVERY, LATE = 10.0, 180.0


def reached(world: World, within: float) -> list[str]:
    """Let time pass until no law is broken; what is still broken after ``within`` seconds."""
    deadline = world.now + within
    while any(broken(world)):
        if world.now > deadline:
            return list(broken(world))
        world.advance(LOOK_EVERY)
    return []


def at_rest(world: World, seconds: float) -> list[str]:
    """What is written though there is nothing to do."""
    world.advance(LATE)
    store = world.simulation.store
    changes = store.watch("/", after=store.revision)
    try:
        world.advance(seconds)
        return [f"written at rest: {change.key}" for change in changes.take() if "/leases/" not in change.key]
    finally:
        changes.close()


def revisions(world: World, namespace: str) -> dict[str, str]:
    """What the objects of a namespace are, by kind and name: who wrote them last is in it."""
    found = {}
    for kind in MADE:
        for obj in world.list(kind, namespace):
            found[f"{kind}/{name_of(obj)}"] = _content(kind, obj)
    return found


def _content(kind: str, obj: Obj) -> str:
    """A pod's status belongs to its node, and is left out: its machine may have died."""
    metadata = {key: obj["metadata"].get(key) for key in ("uid", "labels", "annotations", "ownerReferences")}
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in ("nodeName", "tolerations")}
    return json.dumps([metadata, spec, obj.get("data")], sort_keys=True)


def changed(world: World, namespace: str, before: dict[str, str]) -> list[str]:
    """What of the bystanders is not as it was. A pod that nobody owns may be lost with its machine."""
    now = revisions(world, namespace)
    names = sorted(now.keys() | before.keys())
    return [
        f"a bystander was touched: {name}"
        for name in names
        if now.get(name) != before.get(name) and not (name.startswith("Pod/") and name not in now)
    ]


def broken(world: World) -> Iterator[str]:
    """Each law that does not hold now, a line each."""
    everywhere = {kind: world.list(kind) for kind in MADE}
    yield from _namespaces_gone(world, everywhere)
    objects = {kind: [one for one in found if namespace_of(one) == "default"] for kind, found in everywhere.items()}
    for law in (_nothing_ends, _owners_live):
        yield from law(objects)
    for kind, of_kind in _OF_KIND.items():
        for obj in objects[kind]:
            for problem in of_kind(obj, objects, world):
                yield f"{kind} {name_of(obj)}: {problem}"


Objects = dict[str, list[Obj]]


def _nothing_ends(objects: Objects) -> Iterator[str]:
    for kind, found in objects.items():
        for obj in found:
            if "deletionTimestamp" in obj["metadata"]:
                yield f"{kind} {name_of(obj)} is still being deleted: {obj['metadata'].get('finalizers')}"


def _owners_live(objects: Objects) -> Iterator[str]:
    living = {uid_of(obj) for kind in (*OWNERS, "Service") for obj in objects[kind]}
    for kind, found in objects.items():
        for obj in found:
            owner = controller_of(obj)
            if owner is not None and owner["kind"] != "Node" and owner["uid"] not in living:
                yield f"{kind} {name_of(obj)}: its owner {owner['kind']} {owner['name']} is gone"


def _namespaces_gone(world: World, objects: Objects) -> Iterator[str]:
    namespaces = world.list("Namespace")
    for namespace in namespaces:
        if "deletionTimestamp" in namespace["metadata"]:
            yield f"Namespace {name_of(namespace)} is still being deleted"
    if not any(name_of(each) == DOOMED for each in namespaces):
        for kind, found in objects.items():
            if left := [one for one in found if namespace_of(one) == DOOMED]:
                yield f"{kind} {name_of(left[0])} is left of a namespace that is gone"


# -- one kind's objects ----------------------------------------------------------------------------------------------


def _owned(owner: Obj, objects: Objects, kind: str = "Pod") -> list[Obj]:
    return [obj for obj in objects[kind] if (controller_of(obj) or {}).get("uid") == uid_of(owner)]


def _is_ready(pod: Obj) -> bool:
    return condition_is_true(pod, "Ready") and "deletionTimestamp" not in pod["metadata"]


def _observed(obj: Obj) -> Iterator[str]:
    status = obj.get("status") or {}
    if status.get("observedGeneration", 0) != obj["metadata"].get("generation", 0):
        yield "its newest spec was not observed"


def _replicated(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    """ReplicaSet and ReplicationController."""
    yield from _observed(obj)
    wanted = obj["spec"].get("replicas", 1)
    pods = [pod for pod in _owned(obj, objects) if pod["status"]["phase"] not in ("Failed", "Succeeded")]
    ready = sum(map(_is_ready, pods))
    status = obj.get("status") or {}
    if not wanted == len(pods) == ready == status.get("replicas", 0) == status.get("readyReplicas", 0):
        yield f"{wanted} wanted, {len(pods)} there, {ready} ready, status {status}"


def _deployment(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    yield from _observed(obj)
    wanted, status = obj["spec"]["replicas"], obj.get("status") or {}
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    if counts != [wanted] * 4:
        yield f"{wanted} wanted, status {status}"
    sets = [each for each in _owned(obj, objects, "ReplicaSet") if each["spec"]["replicas"]]
    if len(sets) > 1 or (wanted and not sets):
        yield f"{len(sets)} ReplicaSets have replicas"
    template = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    if sets and sets[0]["spec"]["template"]["spec"]["containers"][0]["image"] != template:
        yield "an old ReplicaSet is the active one"


def _statefulset(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    yield from _observed(obj)
    wanted, status = obj["spec"]["replicas"], obj.get("status") or {}
    names = sorted(name_of(pod) for pod in _owned(obj, objects) if _is_ready(pod))
    if names != sorted(f"{name_of(obj)}-{number}" for number in range(wanted)):
        yield f"{wanted} wanted, ready: {names}"
    images = {pod["spec"]["containers"][0]["image"] for pod in _owned(obj, objects)}
    if images - {obj["spec"]["template"]["spec"]["containers"][0]["image"]}:
        yield f"pods run {images}"
    if status.get("readyReplicas", 0) != wanted:
        yield f"{wanted} wanted, status {status}"


def _daemonset(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    yield from _observed(obj)
    pods = _owned(obj, objects)
    nodes = sorted(name_of(node) for node in world.list("Node"))
    image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    good = [p for p in pods if _is_ready(p) and p["spec"]["containers"][0]["image"] == image]
    if sorted(pod["spec"].get("nodeName", "") for pod in good) != nodes or len(pods) != len(nodes):
        yield f"one pod on each of {nodes} wanted, there are {[pod['spec'].get('nodeName') for pod in pods]}"
    if (obj.get("status") or {}).get("numberReady") != len(nodes):
        yield f"status {obj.get('status')}"


def _job(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    """Pods that a story deletes, or loses with their machine, count as failures: with enough of them any Job fails."""
    status = obj.get("status") or {}
    fails = "podo.dev/exit-code" in (obj["spec"]["template"]["metadata"].get("annotations") or {})
    fails = fails or status.get("failed", 0) > obj["spec"]["backoffLimit"]
    ended = "Failed" if fails else "Complete"
    if not condition_is_true(obj, ended):
        yield f"not {ended}: {status}"
    elif not fails and status.get("succeeded") != obj["spec"]["completions"]:
        yield f"{obj['spec']['completions']} wanted, {status.get('succeeded')} succeeded"
    if status.get("active"):
        yield f"{status['active']} pods of an ended Job are active"
    if any(pod["metadata"].get("finalizers") for pod in _owned(obj, objects)):
        yield "a pod still has the Job's finalizer"


def _service(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    selector = obj["spec"].get("selector")
    if not selector:
        return
    wanted = sorted(
        pod["status"]["podIP"]
        for pod in objects["Pod"]
        if selector.items() <= labels_of(pod).items() and _is_ready(pod) and namespace_of(pod) == namespace_of(obj)
    )
    slices = [s for s in objects["EndpointSlice"] if labels_of(s).get("kubernetes.io/service-name") == name_of(obj)]
    endpoints = [e for each in slices for e in each.get("endpoints") or () if e["conditions"]["ready"]]
    found = sorted(endpoint["addresses"][0] for endpoint in endpoints)
    if found != wanted:
        yield f"its endpoints are {found}, its ready pods {wanted}"


def _budget(obj: Obj, objects: Objects, world: World) -> Iterator[str]:
    yield from _observed(obj)


_OF_KIND: dict[str, Callable[[Obj, Objects, World], Iterator[str]]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replicated,
    "ReplicationController": _replicated,
    "StatefulSet": _statefulset,
    "DaemonSet": _daemonset,
    "Job": _job,
    "Service": _service,
    "PodDisruptionBudget": _budget,
}


def digest(world: World) -> str:
    """The state of the whole cluster as a text: equal for equal histories."""
    found = hashlib.sha256()
    for record in world.run(world.simulation.store.range("/")).records:
        found.update(record.value)
    return found.hexdigest()[:16]
