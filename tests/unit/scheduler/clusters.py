"""Nodes and pods for the scheduler's tests, by hand and by chance."""

from __future__ import annotations

import random
from typing import Any

from podo.scheduler import podinfo
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import NodeInfo, Snapshot


def node(name: str, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **fields: Any) -> NodeInfo:
    """``fields``: labels, taints, unschedulable, and ``more`` allocatable resources."""
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods, "ephemeral-storage": "100Gi", **fields.get("more", {})}
    return NodeInfo.read(
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **fields.get("labels", {})}},
            "spec": {"taints": fields.get("taints", []), "unschedulable": fields.get("unschedulable", False)},
            "status": {"allocatable": allocatable},
        }
    )


def pod(name: str, requests: dict[str, str] | None = None, port: int = 0, ip: str = "", **spec: Any) -> PodInfo:
    container: dict[str, Any] = {"name": "c", "resources": {"requests": requests or {}}}
    if port:
        container["ports"] = [{"containerPort": 80, "hostPort": port, **({"hostIP": ip} if ip else {})}]
    return podinfo.read(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
            "spec": {"containers": [container], **spec},
        }
    )


def snapshot(*nodes: NodeInfo) -> Snapshot:
    made = Snapshot(capacity=4)
    for each in nodes:
        made.set_node(each)
    return made


TAINTS = [
    {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
    {"key": "soft", "value": "1", "effect": "PreferNoSchedule"},
    {"key": "softer", "effect": "PreferNoSchedule"},
]
TOLERATIONS = [
    {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    {"operator": "Exists"},
    {"key": "soft", "operator": "Exists", "effect": "PreferNoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
]


def random_node(r: random.Random, name: str) -> NodeInfo:
    return node(
        name,
        cpu=r.choice(["0", "1", "2", "4", "500m"]),
        memory=r.choice(["0", "1Gi", "4Gi", "1500M"]),
        pods=r.choice(["0", "2", "5", "110"]),
        labels={"zone": r.choice("abc"), **({"disk": "ssd"} if r.random() < 0.5 else {}), "cores": r.choice("248")},
        taints=r.sample(TAINTS, r.choice([0, 0, 1, 2])),
        unschedulable=r.random() < 0.1,
        more={"example.com/gpu": "2"} if r.random() < 0.3 else {},
    )


def random_pod(r: random.Random, name: str) -> PodInfo:
    requests = {}
    if r.random() < 0.8:
        requests["cpu"] = r.choice(["100m", "250m", "1", "3"])
    if r.random() < 0.8:
        requests["memory"] = r.choice(["64Mi", "512Mi", "2Gi"])
    if r.random() < 0.15:
        requests["example.com/gpu"] = "1"
    spec: dict[str, Any] = {}
    if r.random() < 0.4:
        spec["tolerations"] = r.sample(TOLERATIONS, r.choice([1, 2]))
    if r.random() < 0.2:
        spec["nodeSelector"] = {"zone": r.choice("abcd")}
    if r.random() < 0.4:
        spec["affinity"] = {"nodeAffinity": _random_affinity(r)}
    return pod(name, requests, port=r.choice([0, 0, 0, 80, 81]), ip=r.choice(["", "10.0.0.1", "10.0.0.2"]), **spec)


def _random_affinity(r: random.Random) -> dict[str, Any]:
    def expression() -> dict[str, Any]:
        return r.choice(
            [
                {"key": "zone", "operator": "In", "values": ["a", "b"]},
                {"key": "zone", "operator": "NotIn", "values": ["c"]},
                {"key": "disk", "operator": "Exists"},
                {"key": "disk", "operator": "DoesNotExist"},
                {"key": "cores", "operator": "Gt", "values": ["3"]},
                {"key": "cores", "operator": "Lt", "values": ["8"]},
            ]
        )

    affinity: dict[str, Any] = {}
    if r.random() < 0.5:
        terms = [{"matchExpressions": [expression()]} for _ in range(r.choice([1, 2]))]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if r.random() < 0.7:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": r.randint(1, 100), "preference": {"matchExpressions": [expression()]}} for _ in range(2)
        ]
    return affinity
