"""Allocation of Services' cluster IPs and node ports.

In memory, rebuilt from the store at start, safe against failed writes and dry runs. Which addresses there are to give:
``clusterips``.

Source: "Service ClusterIP allocation" and "Service type: NodePort" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.errors import ApiError, invalid
from podo.api.kind import Obj, Problem
from podo.api.kinds.core.service import SERVICE
from podo.api.kinds.core.service_address_rules import cluster_ips
from podo.api.kinds.core.service_traffic_rules import needs_health_port
from podo.api.meta import name_of
from podo.api.parts.addresses import ip_version
from podo.apiserver.clusterips.pool import Pool
from podo.runtime.chance import Chance

_INVALID = "FieldValueInvalid"
ALLOCATED = "provided IP is already allocated"
_NEEDS_PORTS = ("NodePort", "LoadBalancer")


class Reservation:
    """What one write took and gives up. ``commit`` once it is stored; ``close`` gives back what was not committed."""

    __slots__ = ("_allocator", "_committed", "freed", "taken")

    def __init__(self, allocator: Allocator | None) -> None:
        self._allocator = allocator
        self._committed = False
        self.taken: set[str | int] = set()
        self.freed: set[str | int] = set()

    def commit(self) -> None:
        self._committed = True

    def doubt(self) -> None:
        """Better lost until the next start than given to two."""
        self.taken.clear()
        self.freed.clear()

    def close(self) -> None:
        if self._allocator is not None:
            self._allocator.give_back(self.freed if self._committed else self.taken)


class Allocator:
    """Cluster IPs (text) and node ports (int) in use. Each is given to one Service at a time."""

    def __init__(self, cidr: str, node_ports: tuple[int, int], chance: Chance) -> None:
        self.pool = Pool(cidr, chance)
        self._first_port, self._last_port = node_ports
        self._chance = chance
        self._used: set[str | int] = set()

    @property
    def used(self) -> frozenset[str | int]:
        """All that is held now."""
        return frozenset(self._used)

    def rebuild(self, services: Iterable[Obj]) -> None:
        """Forget everything and take what ``services`` hold."""
        self.give_back(self._used)
        for service in services:
            self._keep(*holdings(service))

    def release(self, service: Obj) -> None:
        """A Service is gone."""
        self.give_back(holdings(service))

    def give_back(self, held: Iterable[str | int]) -> None:
        for one in tuple(held):
            self._used.discard(one)
            if isinstance(one, str):
                self.pool.let_go((one,))

    def _keep(self, *held: str | int) -> None:
        for one in held:
            self._used.add(one)
            if isinstance(one, str):
                self.pool.hold((one,))

    def reserve(self, new: Obj, old: Obj | None) -> Reservation:
        """Fill in what ``new`` leaves to the server and take what it names. Raises ProblemFound."""
        spec = new.setdefault("spec", {})
        before = holdings(old) if old else set()
        reservation = Reservation(self)
        if old:
            _carry_over(spec, old.get("spec") or {})
        try:
            self._take_address(spec, before, reservation)
            self._take_ports(spec, before, reservation)
            self._take_health_port(spec, before, reservation)
        except BaseException:
            reservation.close()
            raise
        reservation.freed = before - holdings(new)
        return reservation

    def _take_address(self, spec: Obj, before: set[str | int], reservation: Reservation) -> None:
        if spec.get("type") == "ExternalName":
            return
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if asked == "None":
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
            return
        if not asked:
            asked = self._free_address()
        elif asked not in before:
            self._check_address(asked)
        if asked not in before:
            self._take(asked, reservation)
        spec["clusterIP"] = asked
        if not spec.get("clusterIPs"):
            spec["clusterIPs"] = [asked]

    def _check_address(self, asked: str) -> None:
        if self.pool.is_used(asked):
            raise _address_problem(asked, ALLOCATED)
        if ip_version(asked) and not self.pool.is_in_range(asked):  # what is no address, the rules of Services tell
            raise _address_problem(asked, "the provided network does not match the current range")

    def _free_address(self) -> str:
        if (found := self.pool.find()) is None:
            raise ApiError("InternalError", "Internal error occurred: failed to allocate a serviceIP: range is full")
        return found

    def _take_ports(self, spec: Obj, before: set[str | int], reservation: Reservation) -> None:
        kind = spec.get("type")
        if kind not in _NEEDS_PORTS:
            return
        if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            automatic = False
        else:
            automatic = True
        own: set[int] = set()
        for index, port in enumerate(spec.get("ports") or ()):
            asked = port.get("nodePort")
            if asked:
                if asked not in before and asked not in own:
                    self._check_port(asked, index)
                    self._take(asked, reservation)
            elif automatic:
                asked = port["nodePort"] = self._free_port()
                self._take(asked, reservation)
            if asked:
                own.add(asked)

    def _take_health_port(self, spec: Obj, before: set[str | int], reservation: Reservation) -> None:
        if not needs_health_port(spec):
            return
        if not (asked := spec.get("healthCheckNodePort")):
            asked = spec["healthCheckNodePort"] = self._free_port()
        elif asked in before:
            return
        elif why := self._why_not(asked):
            raise ProblemFound(Problem("spec.healthCheckNodePort", _INVALID, f"Invalid value: {asked}: {why}"))
        self._take(asked, reservation)

    def _take(self, one: str | int, reservation: Reservation) -> None:
        self._keep(one)
        reservation.taken.add(one)

    def _check_port(self, asked: int, index: int) -> None:
        if why := self._why_not(asked):
            raise _port_problem(asked, index, why)

    def _why_not(self, asked: int) -> str:
        if not self._first_port <= asked <= self._last_port:
            valid = f"{self._first_port}-{self._last_port}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        return "provided port is already allocated" if asked in self._used else ""

    def _free_port(self) -> int:
        count = self._last_port - self._first_port + 1
        start = self._chance.below(count)
        for step in range(count):
            port = self._first_port + (start + step) % count
            if port not in self._used:
                return port
        raise ApiError("InternalError", "Internal error occurred: failed to allocate a nodePort: range is full")


class ProblemFound(Exception):
    """A value asked for that cannot be had: becomes a cause of Invalid."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def holdings(service: Obj) -> set[str | int]:
    """The addresses and node ports a Service holds."""
    spec = service.get("spec") or {}
    held: set[str | int] = set(cluster_ips(service))
    if spec.get("type") in _NEEDS_PORTS:
        held.update(port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
    if needs_health_port(spec) and (port := spec.get("healthCheckNodePort")):
        held.add(port)
    return held


def _carry_over(spec: Obj, old: Obj) -> None:
    """Values that the server chose stay when an update leaves them out (clients replace Services without them)."""
    if spec.get("type") == "ExternalName" or old.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP") and not spec.get("clusterIPs"):
        for name in ("clusterIP", "clusterIPs"):
            if name in old:
                spec[name] = old[name]
    if spec.get("type") in _NEEDS_PORTS and old.get("type") in _NEEDS_PORTS:
        _carry_over_ports(spec.get("ports") or (), old.get("ports") or ())
    if needs_health_port(spec) and needs_health_port(old) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = old.get("healthCheckNodePort") or 0


def _carry_over_ports(ports: Iterable[dict[str, Any]], old: Iterable[dict[str, Any]]) -> None:
    """A port is known by its name."""
    known = {port.get("name") or "": port.get("nodePort") for port in old}
    named = {port.get("nodePort") for port in ports}
    for port in ports:
        before = known.get(port.get("name") or "")
        if before and not port.get("nodePort") and before not in named:
            port["nodePort"] = before
            named.add(before)


def taken_already(service: Obj, address: str) -> ApiError:
    """Of an address that another server, or who made an IPAddress by hand, has taken in the last moment."""
    return invalid(SERVICE, name_of(service), [_address_problem(address, ALLOCATED).problem])


def _address_problem(asked: str, why: str) -> ProblemFound:
    message = f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: {why}'
    return ProblemFound(Problem("spec.clusterIPs", _INVALID, message))


def _port_problem(asked: int, index: int, why: str) -> ProblemFound:
    return ProblemFound(Problem(f"spec.ports[{index}].nodePort", _INVALID, f"Invalid value: {asked}: {why}"))
