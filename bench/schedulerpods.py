"""The nodes, pods and volumes of upstream's scheduler_perf: what its templates say, made here."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
#: Where the pods that are there before are, and where the measured ones.
BEFORE, MEASURED = "sched-0", "sched-1"
DRIVER, CSI_LIMIT = "ebs.csi.aws.com", 39
DEVICE = "example.com/device"
NAMED = "scheduler-perf-node"
_BOTH = {"namespaces": [MEASURED, BEFORE]}


def node(name: str, zone: str, more: dict[str, str] | None = None) -> Obj:
    amounts = {"cpu": "4", "memory": "32Gi", "pods": "110", **(more or {})}
    metadata = {"name": name, "labels": {HOSTNAME: name, ZONE: zone}}
    status = {"capacity": amounts, "allocatable": amounts}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def csi_node(name: str) -> Obj:
    driver = {"name": DRIVER, "nodeID": name, "allocatable": {"count": CSI_LIMIT}}
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode"}
    return {**kind, "metadata": {"name": name}, "spec": {"drivers": [driver]}}


def namespace(name: str, labels: dict[str, str] | None = None) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}


def pod(name: str, where: str, labels: dict[str, str] | None = None, cpu: str = "100m", **spec: Any) -> Obj:
    """``cpu``: what it asks for, with 500Mi; nothing at all where it is empty."""
    requests = {"cpu": cpu, "memory": "500Mi"} if cpu else {}
    container = {"name": "pause", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": requests}}
    metadata = {"name": name, "namespace": where, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def plain(name: str, where: str) -> Obj:
    return pod(name, where)


def light(name: str, where: str) -> Obj:
    return pod(name, where, cpu="")


def gated(name: str, where: str) -> Obj:
    return pod(name, where, cpu="", schedulingGates=[{"name": "example.com/gate"}])


def low(name: str, where: str) -> Obj:
    return pod(name, where, cpu="900m", terminationGracePeriodSeconds=0)


def high(name: str, where: str) -> Obj:
    return pod(name, where, cpu="3000m", priorityClassName="high")


def huge(name: str, where: str) -> Obj:
    return pod(name, where, cpu="9", priorityClassName="high")


def with_device(name: str, where: str) -> Obj:
    made = pod(name, where)
    resources = made["spec"]["containers"][0]["resources"]
    resources["requests"][DEVICE] = "1"
    resources["limits"] = {DEVICE: "1"}
    return made


def with_secret(name: str, where: str) -> Obj:
    return pod(name, where, volumes=[{"name": "secret", "secret": {"secretName": "secret"}}])


def for_named(name: str, where: str) -> Obj:
    """As a DaemonSet's: for one node, which it names."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [NAMED]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    return pod(name, where, cpu="", affinity={"nodeAffinity": required})


def in_zone(name: str, where: str) -> Obj:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["zone-0", "zone-1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return pod(name, where, affinity={"nodeAffinity": required})


def _near(name: str, where: str, color: str, how: str, kind: str, key: str, scope: Obj) -> Obj:
    wanted: Any = {"topologyKey": key, "labelSelector": {"matchLabels": {"color": color}}, **scope}
    if how == "preferred":
        wanted = {"weight": 1, "podAffinityTerm": wanted}
    affinity = {kind: {f"{how}DuringSchedulingIgnoredDuringExecution": [wanted]}}
    return pod(name, where, {"color": color}, affinity=affinity)


def near(name: str, where: str) -> Obj:
    return _near(name, where, "blue", "required", "podAffinity", ZONE, _BOTH)


def apart(name: str, where: str) -> Obj:
    return _near(name, where, "green", "required", "podAntiAffinity", HOSTNAME, _BOTH)


def rather_near(name: str, where: str) -> Obj:
    return _near(name, where, "red", "preferred", "podAffinity", HOSTNAME, _BOTH)


def rather_apart(name: str, where: str) -> Obj:
    return _near(name, where, "yellow", "preferred", "podAntiAffinity", HOSTNAME, _BOTH)


def apart_by_team(name: str, where: str) -> Obj:
    scope = {"namespaceSelector": {"matchLabels": {"team": "devops"}}}
    return _near(name, where, "green", "required", "podAntiAffinity", HOSTNAME, scope)


def _spread(name: str, where: str, how: str) -> Obj:
    selector = {"matchLabels": {"color": "blue"}}
    constraint = {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": how, "labelSelector": selector}
    return pod(name, where, {"color": "blue"}, topologySpreadConstraints=[constraint])


def spread(name: str, where: str) -> Obj:
    return _spread(name, where, "DoNotSchedule")


def rather_spread(name: str, where: str) -> Obj:
    return _spread(name, where, "ScheduleAnyway")


def of_service(name: str, where: str) -> Obj:
    return pod(name, where, {"app": "blue"})


def service(name: str, where: str) -> Obj:
    spec = {"selector": {"app": "blue"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": where}, "spec": spec}


def with_claim(name: str, where: str) -> Obj:
    return pod(name, where, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": name}}])


def volume(name: str, where: str, source: Obj) -> tuple[Obj, Obj]:
    """A volume and the claim that has it, both bound; both called as the pod."""
    size = {"storage": "1Gi"}
    shared = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": where, "annotations": {"pv.kubernetes.io/bind-completed": "true"}},
        "spec": {**shared, "resources": {"requests": size}, "volumeName": name},
    }
    reference = {"kind": "PersistentVolumeClaim", "namespace": where, "name": name, "apiVersion": "v1"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {**shared, "capacity": size, "claimRef": reference, **source},
    }
    return volume, claim


def csi_volume(name: str, where: str) -> tuple[Obj, Obj]:
    return volume(name, where, {"csi": {"driver": DRIVER, "volumeHandle": name}})


def in_tree_volume(name: str, where: str) -> tuple[Obj, Obj]:
    return volume(name, where, {"awsElasticBlockStore": {"volumeID": f"aws://zone/{name}"}})
