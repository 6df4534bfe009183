"""What a pod asks of a node, read once from its spec: amounts of resources, host ports, tolerations and node choice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.values import quantity

#: What scoring counts for a container that asks for nothing (millicores, bytes), so that such pods spread too.
DEFAULT_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
#: Resources that ``spec.resources`` of a whole pod may set (KEP-2837).
_POD_LEVEL = ("cpu", "memory")

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
    signature: tuple[Any, ...] = field(default=())

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def read(pod: Obj) -> PodInfo:
    """The facts of a pod. Raises ``QuantityError`` for an amount that is none (the API lets no such pod in)."""
    spec = pod["spec"]
    requests, scored = pod_requests(spec), pod_requests(spec, DEFAULT_CPU, DEFAULT_MEMORY)
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    selector, tolerations = spec.get("nodeSelector") or {}, spec.get("tolerations") or ()
    ports = host_ports(spec)
    tolerations_key, choice_key = _text(tolerations), _text([selector, affinity])
    both = (scored.get("cpu", 0), scored.get("memory", 0))
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
        signature=(tuple(sorted(requests.items())), both, ports, tolerations_key, choice_key, node_name),
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if value else ""


def pod_requests(spec: Obj, least_cpu: int = 0, least_memory: int = 0) -> Amounts:
    """What the pod needs at its busiest: all containers and sidecars, or an init container beside the sidecars
    before it.

    ``least_cpu`` and ``least_memory`` count for each container that does not ask for that resource.
    """
    running: Amounts = {}
    busiest: Amounts = {}
    sidecars: Amounts = {}
    for container in spec.get("initContainers") or ():
        asked = _asked(container, least_cpu, least_memory)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, asked)
            _most(busiest, sidecars)
        else:
            _most(busiest, _sum(asked, sidecars))
    for container in spec.get("containers") or ():
        _add(running, _asked(container, least_cpu, least_memory))
    _add(running, sidecars)
    _most(running, busiest)
    whole = _amounts((spec.get("resources") or {}).get("requests"))
    running.update({name: amount for name, amount in whole.items() if name in _POD_LEVEL or _is_hugepages(name)})
    _add(running, _amounts(spec.get("overhead")))
    return running


def _is_hugepages(name: str) -> bool:
    return name.startswith("hugepages-")


def _asked(container: Obj, least_cpu: int, least_memory: int) -> Amounts:
    asked = _amounts((container.get("resources") or {}).get("requests"))
    if least_cpu:
        asked.setdefault("cpu", least_cpu)
    if least_memory:
        asked.setdefault("memory", least_memory)
    return asked


def _amounts(listed: Mapping[str, Any] | None) -> Amounts:
    return {name: amount_of(name, value) for name, value in (listed or {}).items()}


def amount_of(resource: str, value: Any) -> int:
    """A quantity as the scheduler counts it: millicores of cpu, whole units of anything else, rounded up."""
    parsed = quantity.parse(str(value))
    return parsed.millis if resource == "cpu" else int(parsed)


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _sum(one: Amounts, two: Amounts) -> Amounts:
    total = dict(one)
    _add(total, two)
    return total


def _most(total: Amounts, other: Amounts) -> None:
    for name, amount in other.items():
        total[name] = max(total.get(name, 0), amount)


def host_ports(spec: Obj) -> frozenset[HostPort]:
    """The ports of the node that the pod's containers and sidecars take."""
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return frozenset(
        (port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", int(port["hostPort"]))
        for container in [*(spec.get("containers") or ()), *sidecars]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
