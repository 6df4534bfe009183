"""What NetworkPolicies need to know of a pod, and which pods they are about at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from podo.api.kind import Obj


class NamedPort(NamedTuple):
    """A container port that a policy can name."""

    name: str
    protocol: str
    number: int


class PodFacts(NamedTuple):
    """A pod with an address of its own. Two equal facts need no new rules."""

    namespace: str
    ip: str
    node: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[NamedPort, ...]

    @property
    def label_map(self) -> Mapping[str, str]:
        return dict(self.labels)

    def number_of(self, name: str, protocol: str) -> int | None:
        """The number of its port with a name."""
        return next((p.number for p in self.ports if p.name == name and p.protocol == protocol), None)


def facts_of(pod: Obj | None) -> PodFacts | None:
    """None for a pod that policies are not about: on the host's network, without an address, or ended."""
    if pod is None:
        return None
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    ip = status.get("podIP") or ""
    if spec.get("hostNetwork") or ":" in ip or not ip or status.get("phase") in ("Succeeded", "Failed"):
        return None
    ports = tuple(
        NamedPort(port["name"], port.get("protocol") or "TCP", port["containerPort"])
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        for port in container.get("ports") or ()
        if port.get("name")
    )
    labels = tuple(sorted((pod["metadata"].get("labels") or {}).items()))
    return PodFacts(pod["metadata"]["namespace"], ip, spec.get("nodeName") or "", labels, ports)
