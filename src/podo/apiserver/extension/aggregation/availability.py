"""Whether an extension API server can be reached: the condition Available of its APIService. Pure.

The reasons are upstream's: ServiceNotFound, ServicePortError, EndpointsNotFound, MissingEndpoints,
FailedDiscoveryCheck, Passed.
"""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.kinds.apiregistration.apiservice import AVAILABLE
from podo.apiserver.calling.services import addresses
from podo.apiserver.calling.target import ServiceReference


@dataclass(frozen=True, slots=True)
class Finding:
    """``status``: "True" or "False"."""

    status: str
    reason: str
    message: str


PASSED = Finding("True", "Passed", "all checks passed")


def unreachable(reference: ServiceReference, service: Obj | None, slices: list[Obj]) -> Finding | None:
    """Why no server is found behind the Service; None if there is one to be asked."""
    where = f'service/{reference.name} in "{reference.namespace}"'
    if service is None:
        return Finding("False", "ServiceNotFound", f"{where} is not present")
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return None
    port = next((one for one in spec.get("ports") or () if one.get("port") == reference.port), None)
    if port is None:
        return Finding("False", "ServicePortError", f"{where} is not listening on port {reference.port}")
    if not slices:
        return Finding("False", "EndpointsNotFound", f"cannot find endpointslices for {where}")
    name = port.get("name") or ""
    if not addresses(slices, name):
        why = f'endpoints for {where} have no addresses with port name "{name}"'
        return Finding("False", "MissingEndpoints", why)
    return None


def failed(url: str, why: str) -> Finding:
    return Finding("False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}")


def with_condition(api_service: Obj, finding: Finding, now: str) -> Obj | None:
    """The APIService with the condition; None if it says so already."""
    status = api_service.get("status") or {}
    conditions = list(status.get("conditions") or ())
    before: Obj = next((one for one in conditions if one.get("type") == AVAILABLE), {})
    wanted = {"type": AVAILABLE, "status": finding.status, "reason": finding.reason, "message": finding.message}
    if {name: before.get(name) for name in wanted} == wanted:
        return None
    since = before.get("lastTransitionTime") if before.get("status") == finding.status else None
    condition = {**wanted, "lastTransitionTime": since or now}
    others = [one for one in conditions if one.get("type") != AVAILABLE]
    return {**api_service, "status": {**status, "conditions": [*others, condition]}}
