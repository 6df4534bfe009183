"""What containers ask for: a pod's quality of service, and its requests as the scheduler counts them.

Source: API reference ResourceRequirements; "Pod Quality of Service Classes"; KEP-753 (sidecars), KEP-688 (overhead).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of
from podo.api.parts.container import is_sidecar
from podo.values import quantity

_QOS_RESOURCES = ("cpu", "memory")
_NOTHING: Mapping[str, int] = {}


def qos_class(pod: Obj) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``."""
    spec = pod["spec"]
    if own := spec.get("resources"):
        return _qos([own])
    return _qos([c.get("resources") or {} for field in ("containers", "initContainers") for c in spec.get(field) or ()])


def _qos(parts: list[dict[str, Any]]) -> str:
    asked = False
    guaranteed = bool(parts)
    for part in parts:
        requests, limits = part.get("requests") or {}, part.get("limits") or {}
        for name in _QOS_RESOURCES:
            request, limit = _amount(name, requests.get(name)), _amount(name, limits.get(name))
            asked = asked or request > 0 or limit > 0
            guaranteed = guaranteed and limit > 0 and (request or limit) == limit
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def requests_of(pod: Obj, least: Mapping[str, int] = _NOTHING) -> dict[str, int]:
    """What a node must have free to run the pod: ``cpu`` in thousandths, all else in whole units (bytes, devices).

    Containers run together; init containers one after the other before them, each beside the sidecars started so far.
    ``least`` counts for each container that does not ask for that resource. Of a pod that is being resized counts the
    most of what it asks for, was granted and has.
    """
    spec = pod["spec"]
    total = _together(spec, "requests", partial(_requests, least=least, held=held_of(pod)))
    return _sum((total, _amounts(spec.get("overhead") or {})))


def limits_of(pod: Obj) -> dict[str, int]:
    """What the pod may use at most, counted and in units as its requests are; nothing of what has no limit."""
    spec = pod["spec"]
    total = _together(spec, "limits", _limits)
    overhead = _amounts(spec.get("overhead") or {})
    return {name: amount + overhead.get(name, 0) for name, amount in total.items() if amount}


def _together(spec: Obj, field: str, of_one: Callable[[dict[str, Any]], dict[str, int]]) -> dict[str, int]:
    """Of all containers, ``of_one`` of each; what the ``resources`` of the pod say in ``field`` counts instead."""
    running = _sum(map(of_one, spec.get("containers") or ()))
    peak: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for each in spec.get("initContainers") or ():
        wanted = _sum((sidecars, of_one(each)))
        _raise_to(peak, wanted)
        if is_sidecar(each):
            sidecars = wanted
    total = _sum((running, sidecars))
    _raise_to(total, peak)
    if own := (spec.get("resources") or {}).get(field):
        total.update({name: amount for name, amount in _amounts(own).items() if _is_pod_level(name)})
    return total


def _is_pod_level(name: str) -> bool:
    """May the ``resources`` of a whole pod set it (KEP-2837)?"""
    return name in _QOS_RESOURCES or name.startswith("hugepages-")


def _limits(container: dict[str, Any]) -> dict[str, int]:
    return _amounts((container.get("resources") or {}).get("limits") or {})


def _requests(container: dict[str, Any], least: Mapping[str, int], held: Mapping[str, Held]) -> dict[str, int]:
    found = {**least, **_amounts((container.get("resources") or {}).get("requests") or {})}
    if present := held.get(container.get("name") or ""):
        granted, impossible = present
        if impossible:
            return {**found, **granted}
        _raise_to(found, granted)
    return found


#: What the node has set aside for a container, and whether it has said that it never can do what the spec asks for.
Held = tuple[dict[str, int], bool]


def held_of(pod: Obj) -> Mapping[str, Held]:
    """What a node holds for a pod's containers, by name. Nothing for the many pods that were never changed.

    As upstream, whether a resize is impossible is read from the condition's reason alone, of whichever generation: the
    kubelet takes the condition back when it sees another wish.
    """
    if (pod["metadata"].get("generation") or 1) < 2:
        return {}
    status = pod.get("status") or {}
    impossible = (condition_of(pod, "PodResizePending") or {}).get("reason") == "Infeasible"
    found: dict[str, Held] = {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(field) or ():
            granted = _amounts(entry.get("allocatedResources") or {})
            _raise_to(granted, _amounts((entry.get("resources") or {}).get("requests") or {}))
            if granted:
                found[entry["name"]] = (granted, impossible)
    return found


def _amounts(quantities: dict[str, Any]) -> dict[str, int]:
    return {name: _amount(name, text) for name, text in quantities.items()}


def _amount(name: str, text: Any) -> int:
    return 0 if text is None else _parsed(name == "cpu", str(text))


@lru_cache(maxsize=4096)
def _parsed(is_cpu: bool, text: str) -> int:
    try:
        return quantity.cpu_millis(text) if is_cpu else quantity.as_int(text)
    except quantity.QuantityError:
        return 0  # the rules refuse such a pod before anyone counts it


def _sum(parts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total


def _raise_to(total: dict[str, int], floor: dict[str, int]) -> None:
    for name, amount in floor.items():
        if amount > total.get(name, 0):
            total[name] = amount
