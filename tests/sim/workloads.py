"""What lives in the simulated clusters: how each kind of workload is made and changed, and who only looks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.api.meta import name_of
from podo.runtime.chance import Chance

Obj = dict[str, Any]
#: The namespace whose objects nobody has a reason to touch, and one that is deleted with all that is in it.
BYSTANDERS, DOOMED = "bystanders", "doomed"


@dataclass(frozen=True, slots=True)
class Workload:
    """``make(name, number, chance)`` an object; ``change(obj, number, chance)`` gives a merge patch of one."""

    make: Callable[[str, int, Chance], Obj]
    change: Callable[[Obj, int, Chance], Obj] | None = None


def template(name: str, image: str = "web:1", **annotations: str) -> Obj:
    metadata = {"labels": {"app": name}, "annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": image}]}}


def _object(api_version: str, kind: str, name: str, spec: Obj, namespace: str = "default") -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _selected(name: str, number: int, **spec: Any) -> Obj:
    labels = {"app": name}
    return {"replicas": number, "selector": {"matchLabels": labels}, "template": template(name), **spec}


def _deployment(name: str, number: int, chance: Chance) -> Obj:
    strategy = "Recreate" if chance.fraction() < 0.3 else "RollingUpdate"
    return _object("apps/v1", "Deployment", name, _selected(name, number, strategy={"type": strategy}))


def _replicaset(name: str, number: int, chance: Chance) -> Obj:
    return _object("apps/v1", "ReplicaSet", name, _selected(name, number))


def _replicationcontroller(name: str, number: int, chance: Chance) -> Obj:
    spec = {"replicas": number, "selector": {"app": name}, "template": template(name)}
    return _object("v1", "ReplicationController", name, spec)


def _statefulset(name: str, number: int, chance: Chance) -> Obj:
    policy = "Parallel" if chance.fraction() < 0.4 else "OrderedReady"
    return _object(
        "apps/v1", "StatefulSet", name, _selected(name, number, serviceName=name, podManagementPolicy=policy)
    )


def _daemonset(name: str, number: int, chance: Chance) -> Obj:
    spec = _selected(name, number)
    del spec["replicas"]
    return _object("apps/v1", "DaemonSet", name, spec)


def _job(name: str, number: int, chance: Chance) -> Obj:
    """A third of the Jobs has pods that fail, also where they are stopped before their time."""
    annotations = {"podo.dev/run-seconds": str(int(chance.fraction() * 30))}
    if chance.fraction() < 0.33:
        annotations |= {"podo.dev/exit-code": "1", "podo.dev/stop-code": "1"}
    pods = template(name, **annotations)
    pods["spec"]["restartPolicy"] = "Never"
    spec: Obj = {"template": pods, "completions": max(1, number), "parallelism": 2, "backoffLimit": 1}
    if chance.fraction() < 0.5:
        spec["completionMode"] = "Indexed"
    return _object("batch/v1", "Job", name, spec)


def _budget(name: str, number: int, chance: Chance) -> Obj:
    selector = {"matchLabels": {"app": name}}
    return _object("policy/v1", "PodDisruptionBudget", name, {"minAvailable": number, "selector": selector})


def _scaled(obj: Obj, number: int, chance: Chance) -> Obj:
    return {"spec": {"replicas": number}}


def _replaced(obj: Obj, number: int, chance: Chance) -> Obj:
    containers = [{"name": "c", "image": f"web:{number}"}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def _scaled_or_replaced(obj: Obj, number: int, chance: Chance) -> Obj:
    return (_scaled if chance.fraction() < 0.5 else _replaced)(obj, number, chance)


def _suspended(obj: Obj, number: int, chance: Chance) -> Obj:
    return {"spec": {"suspend": False, "parallelism": max(1, number)}}


WORKLOADS = {
    "Deployment": Workload(_deployment, _scaled_or_replaced),
    "ReplicaSet": Workload(_replicaset, _scaled),
    "ReplicationController": Workload(_replicationcontroller, _scaled),
    "StatefulSet": Workload(_statefulset, _scaled_or_replaced),
    "DaemonSet": Workload(_daemonset, _replaced),
    "Job": Workload(_job, _suspended),
    "PodDisruptionBudget": Workload(_budget),
}


def service(name: str) -> Obj:
    return _object("v1", "Service", name, {"selector": {"app": name}, "ports": [{"port": 80}]})


def bystanders() -> list[Obj]:
    """Objects that look like those of the story, and a pod that nobody owns."""
    held = [
        _object("v1", "ConfigMap", "kept", {}, BYSTANDERS),
        _object("v1", "Pod", "alone", template("deployment-1")["spec"], BYSTANDERS),
        _object("apps/v1", "Deployment", "paused", _selected("paused", 3, paused=True), BYSTANDERS),
    ]
    held[0] = {key: value for key, value in held[0].items() if key != "spec"} | {"data": {"grape": "red"}}
    held[1]["metadata"]["labels"] = {"app": "deployment-1"}
    held[2]["spec"]["replicas"] = 0
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BYSTANDERS}}, *held]


def doomed() -> list[Obj]:
    chance = Chance(0)
    held = [_deployment("web", 2, chance), _statefulset("db", 2, chance), _job("once", 1, chance), service("web")]
    for obj in held:
        obj["metadata"]["namespace"] = DOOMED
        obj["metadata"]["name"] = name_of(obj)
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DOOMED}}, *held]
