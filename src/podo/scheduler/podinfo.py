"""What a pod asks of a node, read once from its spec: amounts of resources, host ports, tolerations and node choice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.api.parts.resources import requests_of
from podo.values import quantity

#: What scoring counts for a container that asks for nothing (millicores, bytes), so that such pods spread too.
SCORED_AS = {"cpu": 100, "memory": 200 * 1024 * 1024}

Amounts = dict[str, int]
#: (protocol, host IP, port)
HostPort = tuple[str, str, int]


@dataclass(frozen=True, slots=True, eq=False)
class PodInfo:
    """``requests`` are millicores for cpu, else whole units.

    ``signature`` is equal for pods that any plug-in treats alike.
    """

    obj: Obj
    uid: str
    namespace: str
    name: str
    node_name: str
    priority: int
    requests: Amounts
    scored: tuple[int, int]  # cpu and memory with the defaults for containers that ask for none
    host_ports: frozenset[HostPort]
    tolerations: tuple[Mapping[str, Any], ...]
    tolerations_key: str
    node_selector: Mapping[str, str]
    node_affinity: Mapping[str, Any]
    node_choice_key: str
    gated: bool
    preempts: bool
    claims: tuple[str, ...] = ()
    unsupported: str = ""  # a demand that no plug-in can judge yet
    signature: tuple[Any, ...] = field(default=())

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def read(pod: Obj) -> PodInfo:
    """The facts of a pod."""
    spec = pod["spec"]
    requests, scored = requests_of(pod), requests_of(pod, SCORED_AS)
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    selector, tolerations = spec.get("nodeSelector") or {}, spec.get("tolerations") or ()
    ports = host_ports(spec)
    tolerations_key, choice_key = _text(tolerations), _text([selector, affinity])
    both = (scored.get("cpu", 0), scored.get("memory", 0))
    claims = tuple(_claims(pod))
    unsupported = unsupported_demand(spec)
    node_name = str(spec.get("nodeName") or "")
    return PodInfo(
        obj=pod,
        uid=uid_of(pod),
        namespace=namespace_of(pod),
        name=name_of(pod),
        node_name=node_name,
        priority=int(spec.get("priority") or 0),
        requests=requests,
        scored=both,
        host_ports=ports,
        tolerations=tuple(tolerations),
        tolerations_key=tolerations_key,
        node_selector=selector,
        node_affinity=affinity,
        node_choice_key=choice_key,
        gated=bool(spec.get("schedulingGates")),
        preempts=spec.get("preemptionPolicy") != "Never",
        claims=claims,
        unsupported=unsupported,
        signature=(
            *(tuple(sorted(requests.items())), both, ports, tolerations_key, choice_key, node_name),
            *((namespace_of(pod), claims) if claims else ()),
            *((unsupported,) if unsupported else ()),
        ),
    )


def unsupported_demand(spec: Obj) -> str:
    """The first demand in a pod's spec that no plug-in can judge yet; "" if there is none."""
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        if (affinity.get(kind) or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
            return f"required {kind}"
    for constraint in spec.get("topologySpreadConstraints") or ():
        if constraint.get("whenUnsatisfiable") == "DoNotSchedule":
            return "topologySpreadConstraints with DoNotSchedule"
    return "resourceClaims" if spec.get("resourceClaims") else ""


def _claims(pod: Obj) -> Iterator[str]:
    """The names of the claims that the pod's volumes need."""
    for volume in pod["spec"].get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            yield str(claim.get("claimName") or "")
        elif volume.get("ephemeral"):
            yield f"{name_of(pod)}-{volume['name']}"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if value else ""


def amount_of(resource: str, value: Any) -> int:
    """A quantity as the scheduler counts it: millicores of cpu, whole units of anything else, rounded up."""
    parsed = quantity.parse(str(value))
    return parsed.millis if resource == "cpu" else int(parsed)


def host_ports(spec: Obj) -> frozenset[HostPort]:
    """The ports of the node that the pod's containers and sidecars take."""
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return frozenset(
        (port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", int(port["hostPort"]))
        for container in [*(spec.get("containers") or ()), *sidecars]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
