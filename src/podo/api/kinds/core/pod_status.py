"""What a Pod's status must be like, and what of it stays when a node or a controller writes another one.

Source: API reference PodStatus; KEP-5067 (observedGeneration), KEP-5307 (restarts by rules).
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts import pod_annotations
from podo.api.parts.addresses import check_ip, ip_version
from podo.api.parts.resourcestatus_rules import check_allocated, check_users
from podo.api.parts.restarts import may_restart
from podo.api.rules import IMMUTABLE, Found, check_text, check_unique, forbidden, invalid
from podo.values import names

Status = dict[str, Any]
#: Conditions of the system, whose names need not be judged.
_SYSTEM = frozenset(
    (
        *("PodScheduled", "Ready", "Initialized", "ContainersReady", "PodReadyToStartContainers", "DisruptionTarget"),
        *("PodResizePending", "PodResizeInProgress"),
    )
)
_NEGATIVE = "must be a non-negative integer"
_EPHEMERAL = "ephemeralContainerStatuses"
#: Each list of statuses with that of the spec whose containers may run again.
_LISTS = (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers"), (_EPHEMERAL, ""))
_NONE: Status = {}


def prepare(new: Obj, old: Obj) -> None:
    """Puts back what a writer that does not know it leaves out; in place, what is shared replaced and not changed."""
    before: Status = old.get("status") or {}
    status: Status = new.get("status") or {}
    if (quality := before.get("qosClass")) and not status.get("qosClass"):
        new["status"] = status = {**status, "qosClass": quality}
    if (generation := before.get("observedGeneration")) and not status.get("observedGeneration"):
        new["status"] = status = {**status, "observedGeneration": generation}
    conditions, known = status.get("conditions"), before.get("conditions")
    if conditions and known and (lost := _lost_generations(conditions, known)):
        kept = [{**one, **lost.get(index, {})} for index, one in enumerate(conditions)]
        new["status"] = status = {**status, "conditions": kept}
    if (status.get("podIP") or status.get("podIPs")) and (differing := _other_address(status)):
        new["status"] = {**status, **differing}


def _other_address(status: Status) -> Status:
    """A pod's address stands twice, alone and first in a list. Where both are given the one alone counts."""
    alone, listed = status.get("podIP"), status.get("podIPs")
    first = (listed[0].get("ip") or "") if listed else ""
    if alone == first or not (alone or first):
        return {}
    return {"podIPs": [{"ip": alone}]} if alone else {"podIP": first}


def _lost_generations(new: list[Status], old: list[Status]) -> dict[int, Status]:
    """By the place in ``new``: what a condition was observed at before, where it does not say so any more."""
    silent = [index for index, one in enumerate(new) if not one.get("observedGeneration")]
    if not silent:
        return {}
    known: dict[str, list[int]] = {}
    for one in old:
        known.setdefault(one.get("type") or "", []).append(one.get("observedGeneration") or 0)
    found = {}
    for index, one in enumerate(new):
        before = known.get(one.get("type") or "")
        generation = before.pop(0) if before else 0
        if generation and index in silent:
            found[index] = {"observedGeneration": generation}
    return found


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a new status of a pod."""
    found: Found = []
    if old is None:
        return found
    status, before = new.get("status") or {}, old.get("status") or {}
    if new["metadata"].get("annotations") or old["metadata"].get("annotations"):
        pod_annotations.check_update(new["metadata"], old["metadata"], found)
        pod_annotations.check(new["metadata"], new["spec"], "metadata.annotations", found)
    if conditions := status.get("conditions"):
        _check_conditions(conditions, found)
    if nominated := status.get("nominatedNodeName"):
        _check_nominated(nominated, before.get("nominatedNodeName"), old["spec"], found)
    if (generation := status.get("observedGeneration") or 0) < 0:
        found.append(invalid("status.observedGeneration", generation, _NEGATIVE))
    if status.get("qosClass") != before.get("qosClass"):
        found.append(invalid("status.qosClass", status.get("qosClass") or "", IMMUTABLE))
    _check_restarts(status, before, old["spec"], found)
    if status.get("resourceClaimStatuses"):
        _check_claims(status["resourceClaimStatuses"], new["spec"], found)
    _check_addresses(status, before, found)
    _check_containers(status, new["spec"], found)
    return found


def _check_conditions(conditions: Any, found: Found) -> None:
    for index, condition in enumerate(conditions):
        kind, generation = condition.get("type") or "", condition.get("observedGeneration")
        if generation and generation < 0:
            where = f"status.conditions[{index}].observedGeneration"
            found.append(invalid(where, generation, _NEGATIVE))
        if kind not in _SYSTEM:
            check_text(f"status.conditions[{index}].Type", kind, names.qualified_name, found)


def _check_nominated(new: str, old: str | None, spec: dict[str, Any], found: Found) -> None:
    if new == old:
        return
    check_text("status.nominatedNodeName", new, names.subdomain, found)
    if spec.get("nodeName"):
        why = "may not be set on pods that are already bound to a node"
        found.append(forbidden("status.nominatedNodeName", why))


def _check_restarts(new: Status, old: Status, spec: dict[str, Any], found: Found) -> None:
    """What has ended for good does not run again."""
    for field, containers in _LISTS:
        for index, before in enumerate(old.get(field) or ()):
            if (ended := (before.get("state") or _NONE).get("terminated")) is None:
                continue
            name = before.get("name")
            after = next((one for one in new.get(field) or () if one.get("name") == name), None)
            if after is None or (after.get("state") or _NONE).get("terminated") is not None:
                continue
            if not may_restart(spec, containers, name, ended.get("exitCode") or 0):
                why = "may not be transitioned to non-terminated state"
                found.append(forbidden(f"status.{field}[{index}].state", why))


def _check_claims(statuses: list[Status], spec: dict[str, Any], found: Found) -> None:
    known = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, one in enumerate(statuses):
        where, name = f"status.resourceClaimStatuses[{index}]", one.get("name") or ""
        if name not in known:
            why = "must match the name of an entry in `spec.resourceClaims`"
            found.append(invalid(f"{where}.name", name, why))
        check_unique(f"{where}.name", name, seen, found)
        if (claim := one.get("resourceClaimName")) is not None:
            check_text(f"{where}.resourceClaimName", claim, names.subdomain, found)


def _check_addresses(new: Status, old: Status, found: Found) -> None:
    hosts = new.get("hostIPs")
    if hosts and new.get("hostIP") != hosts[0].get("ip"):
        found.append(invalid("status.hostIPs[0].ip", hosts[0].get("ip") or "", "must be equal to `hostIP`"))
    for field in ("podIPs", "hostIPs"):
        addresses = new.get(field)
        if addresses and addresses != old.get(field):
            _check_family(addresses, f"status.{field}", found)


def _check_family(addresses: list[Status], path: str, found: Found) -> None:
    for index, one in enumerate(addresses):
        check_ip(f"{path}[{index}]", one.get("ip") or "", found)
    if len(addresses) > 1 and sorted(ip_version(one.get("ip") or "") for one in addresses) != [4, 6]:
        found.append(invalid(path, addresses, "may specify no more than one IP for each IP family"))


def _check_containers(status: Status, spec: dict[str, Any], found: Found) -> None:
    for field, containers in _LISTS:
        for index, one in enumerate(status.get(field) or ()):
            if "user" in one or "allocatedResourcesStatus" in one:
                _check_container(one, spec, containers, f"status.{field}[{index}]", found)


def _check_container(status: Status, spec: dict[str, Any], containers: str, path: str, found: Found) -> None:
    check_users(status.get("user") or _NONE, (spec.get("os") or _NONE).get("name") or "linux", f"{path}.user", found)
    allocated, where = status.get("allocatedResourcesStatus"), f"{path}.allocatedResourcesStatus"
    if not allocated:
        return
    if not containers:
        found.append(forbidden(where, "must not be specified in container status"))
        return
    own = next((each for each in spec.get(containers) or () if each.get("name") == status.get("name")), None)
    check_allocated(allocated, own, where, found)
