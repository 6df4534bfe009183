"""What a pod asks of a node, read once from its spec: amounts of resources, host ports, tolerations, node choice, and
what it demands of other pods."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.api.parts.hostports import HostPort, host_ports
from podo.api.parts.resources import requests_of
from podo.scheduler.devices.references import awaits_claims
from podo.scheduler.podterms import NO_CLASS, NO_TERMS, PodClass, PodTerms, read_terms
from podo.values import quantity

#: What scoring counts for a container that asks for nothing (millicores, bytes), so that such pods spread too.
SCORED_AS = {"cpu": 100, "memory": 200 * 1024 * 1024}

Amounts = dict[str, int]


@dataclass(slots=True, eq=False)
class PodInfo:
    """``requests`` are millicores for cpu, else whole units.

    ``signature`` is equal for pods that every local plug-in treats alike (see ``plugins.contract``). ``pod_class`` is
    how others' demands see this pod, ``terms`` are its own. ``nominated``: the node that is being cleared for it.
    Only ``obj`` is ever replaced, by a newer state in which all the rest is the same.
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
    terms: PodTerms = NO_TERMS
    pod_class: PodClass = NO_CLASS
    nominated: str = ""
    signature: tuple[Any, ...] = field(default=())

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def deleting(self) -> bool:
        return self.pod_class.deleting

    @property
    def started(self) -> str:
        """When the kubelet took it up, RFC 3339; later than all others where it has not."""
        return str((self.obj.get("status") or {}).get("startTime") or "9")


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
    namespace, labels = namespace_of(pod), labels_of(pod)
    node_name = str(spec.get("nodeName") or "")
    return PodInfo(
        obj=pod,
        uid=uid_of(pod),
        namespace=namespace,
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
        gated=bool(spec.get("schedulingGates")) or awaits_claims(pod),
        preempts=spec.get("preemptionPolicy") != "Never",
        claims=claims,
        terms=read_terms(spec, namespace, labels),
        pod_class=PodClass(namespace, tuple(sorted(labels.items())), is_deleting(pod)),
        nominated=str((pod.get("status") or {}).get("nominatedNodeName") or ""),
        signature=(tuple(sorted(requests.items())), both, ports, tolerations_key, choice_key, node_name),
    )


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
