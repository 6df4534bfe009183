"""What ResourceClaims ask for, read once: requests with their alternatives, constraints between them, and the claim as
it is part of a pod's demands.

Source: API reference DeviceRequest, DeviceSubRequest and DeviceConstraint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.scheduler.devices.pools import nano

#: Alternatives of one request at most; a node scores the more, the earlier the alternative that it can give.
ALTERNATIVES_MAX = 8
#: Devices of one claim at most.
RESULTS_MAX = 32
#: (namespace, name)
ClaimKey = tuple[str, str]


class CannotAllocate(Exception):
    """No node can satisfy the claim as it is; the message is for the pod's event."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One way to satisfy a request. ``name``: ``request`` or ``request/alternative``. ``count``: None asks for all."""

    name: str
    device_class: str
    selectors: tuple[str, ...]
    count: int | None
    admin: bool
    tolerations: tuple[Mapping[str, Any], ...]
    capacity: Mapping[str, int]

    @property
    def request(self) -> str:
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Constraint:
    """Devices of ``requests`` (none: of all) have the same, or (``distinct``) different values of ``attribute``."""

    attribute: str
    distinct: bool
    requests: frozenset[str]

    def concerns(self, ask: Ask) -> bool:
        return not self.requests or ask.name in self.requests or ask.request in self.requests


@dataclass(frozen=True, slots=True)
class ClaimAsk:
    """``requests``: of each, the alternatives in the order in which they are tried. ``resources``: the extended
    resources that they stand for, where they do."""

    title: str
    requests: tuple[tuple[Ask, ...], ...]
    constraints: tuple[Constraint, ...]
    resources: tuple[str, ...] = ()


def read(claim: Obj, classes: Mapping[str, Obj]) -> ClaimAsk:
    """Raises CannotAllocate where a class does not exist, or more devices are asked for than a claim may have."""
    devices = (claim.get("spec") or {}).get("devices") or {}
    requests = tuple(tuple(_asks(request, classes)) for request in devices.get("requests") or ())
    constraints = tuple(
        Constraint(
            str(each.get("matchAttribute") or each.get("distinctAttribute") or ""),
            not each.get("matchAttribute"),
            frozenset(each.get("requests") or ()),
        )
        for each in devices.get("constraints") or ()
    )
    title, least = f"{namespace_of(claim)}/{name_of(claim)}", sum(map(_least, requests))
    if least > RESULTS_MAX:
        why = f"number of requested devices {least} exceeds the claim limit of {RESULTS_MAX}"
        raise CannotAllocate(f"claim {title}: {why}")
    return ClaimAsk(title, requests, constraints)


def _least(alternatives: tuple[Ask, ...]) -> int:
    """How many devices satisfy a request; of "all", as many as there are."""
    return min((ask.count or 0 for ask in alternatives), default=0)


def _asks(request: Obj, classes: Mapping[str, Obj]) -> Iterator[Ask]:
    if (exactly := request.get("exactly")) is not None:
        yield _ask(request["name"], exactly, classes)
    for each in request.get("firstAvailable") or ():
        yield _ask(f"{request['name']}/{each['name']}", each, classes)


def _ask(name: str, asked: Obj, classes: Mapping[str, Obj]) -> Ask:
    class_name = str(asked.get("deviceClassName") or "")
    found = classes.get(class_name)
    if found is None:
        raise CannotAllocate(f"request {name}: device class {class_name} does not exist")
    selectors = (*((found.get("spec") or {}).get("selectors") or ()), *(asked.get("selectors") or ()))
    everything = asked.get("allocationMode") == "All"
    capacity = (asked.get("capacity") or {}).get("requests") or {}
    return Ask(
        name,
        class_name,
        tuple(str((each.get("cel") or {}).get("expression") or "") for each in selectors),
        None if everything else int(asked.get("count") or 1),
        bool(asked.get("adminAccess")),
        tuple(asked.get("tolerations") or ()),
        {each: nano(amount) for each, amount in capacity.items()},
    )


def signature(claim: Obj) -> str:
    """Equal for claims that ask for the same."""
    return json.dumps((claim.get("spec") or {}).get("devices") or {}, sort_keys=True)
