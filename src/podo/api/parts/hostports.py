"""Ports of a node that pods take for themselves (``hostPort``), and when two of them cannot be had at once."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.parts.container import is_sidecar

#: Protocol, address and number.
HostPort = tuple[str, str, int]
#: Every address of the node.
ANY_ADDRESS = "0.0.0.0"


def declared(spec: Obj) -> list[Obj]:
    """The ports with a ``hostPort`` of a pod's containers and sidecars, as they are written."""
    sidecars = [container for container in spec.get("initContainers") or () if is_sidecar(container)]
    containers = [*(spec.get("containers") or ()), *sidecars]
    return [port for container in containers for port in container.get("ports") or () if port.get("hostPort")]


def host_ports(spec: Obj) -> frozenset[HostPort]:
    """What a pod takes of its node."""
    return frozenset(
        (port.get("protocol") or "TCP", port.get("hostIP") or ANY_ADDRESS, int(port["hostPort"]))
        for port in declared(spec)
    )


def conflicts(one: HostPort, two: HostPort) -> bool:
    return one[0] == two[0] and one[2] == two[2] and (one[1] == two[1] or ANY_ADDRESS in (one[1], two[1]))
