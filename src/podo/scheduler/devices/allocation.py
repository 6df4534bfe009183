"""The allocation that is written into a claim's status: its devices, their configuration, and the nodes that have them.

Source: API reference AllocationResult.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from podo.api.kind import Obj
from podo.scheduler.devices.allocator import Chosen
from podo.values.quantity import Quantity


def allocation_of(
    claim: Obj, chosen: Sequence[Chosen], classes: Mapping[str, Obj], node_name: str, new_id: Callable[[], str]
) -> dict[str, Any]:
    """``new_id`` gives a UUID for each part of a shared device."""
    devices: dict[str, Any] = {}
    if results := [_result(one, new_id) for one in chosen]:
        devices["results"] = results
    if config := list(_config(claim, chosen, classes)):
        devices["config"] = config
    found: dict[str, Any] = {"devices": devices}
    if (selector := _node_selector(chosen, node_name)) is not None:
        found["nodeSelector"] = selector
    return found


def _result(one: Chosen, new_id: Callable[[], str]) -> dict[str, Any]:
    driver, pool, name = one.device.id
    found: dict[str, Any] = {"request": one.ask.name, "driver": driver, "pool": pool, "device": name}
    if one.ask.admin:
        found["adminAccess"] = True
    if one.ask.tolerations:
        found["tolerations"] = [dict(each) for each in one.ask.tolerations]
    for field in ("bindingConditions", "bindingFailureConditions"):
        if conditions := one.device.spec.get(field):
            found[field] = list(conditions)
    if one.device.shared and not one.ask.admin:
        found["shareID"] = new_id()
        found["consumedCapacity"] = {name: _text(one, name, amount) for name, amount in one.consumed.items()}
    return found


def _text(one: Chosen, name: str, amount: int) -> str:
    """In the form in which the device says it has."""
    from podo.values.quantity import parse

    return str(Quantity(amount, parse(str(one.device.spec["capacity"][name]["value"])).format))


def _config(claim: Obj, chosen: Sequence[Chosen], classes: Mapping[str, Obj]) -> Iterator[dict[str, Any]]:
    """What the classes say for each request that was satisfied, then what the claim says."""
    names: dict[str, str] = {one.ask.name: one.ask.device_class for one in chosen}
    for name, device_class in names.items():
        for each in (classes[device_class].get("spec") or {}).get("config") or ():
            yield {"source": "FromClass", "requests": [name], **each}
    satisfied = {*names, *(name.partition("/")[0] for name in names)}
    for each in ((claim.get("spec") or {}).get("devices") or {}).get("config") or ():
        if not each.get("requests") or satisfied & set(each["requests"]):
            yield {"source": "FromClaim", **each}


def _node_selector(chosen: Iterable[Chosen], node_name: str) -> dict[str, Any] | None:
    """Where all of the devices can be used; None: anywhere."""
    expressions: list[Any] = []
    fields: list[Any] = []
    for one in chosen:
        place = one.device.place
        if place.get("nodeName") or one.device.spec.get("bindsToNode"):
            on = {"key": "metadata.name", "operator": "In", "values": [node_name]}
            return {"nodeSelectorTerms": [{"matchFields": [on]}]}
        for term in (place.get("nodeSelector") or {}).get("nodeSelectorTerms") or ():
            expressions += [each for each in term.get("matchExpressions") or () if each not in expressions]
            fields += [each for each in term.get("matchFields") or () if each not in fields]
    term = {**({"matchExpressions": expressions} if expressions else {}), **({"matchFields": fields} if fields else {})}
    return {"nodeSelectorTerms": [term]} if term else None
