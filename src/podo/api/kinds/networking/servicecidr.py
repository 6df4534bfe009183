"""ServiceCIDR (networking.k8s.io/v1): a range that cluster IPs come from."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.meta import condition_of, is_deleting
from podo.api.rules import IMMUTABLE, Found, invalid, required
from podo.values import net

#: The one that every cluster has, with the ranges that its API server was started with.
DEFAULT = "kubernetes"
#: Keeps one that is deleted while addresses are in use that only it holds.
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
#: What the condition of one that is ready says.
READY = "Kubernetes Service CIDR is ready"
_TWO_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def cidrs_of(given: Obj) -> list[str]:
    return (given.get("spec") or {}).get("cidrs") or []


def ready_condition(given: Obj) -> Obj | None:
    return condition_of(given, "Ready")


def readiness(at: str, status: str = "True", reason: str = "", message: str = READY) -> Obj:
    """The condition Ready as it is written; ``at``: when it became so."""
    return {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def is_ready(given: Obj) -> bool:
    """May addresses be taken from it? One that nobody has judged yet is ready; one that is being deleted is not."""
    found = ready_condition(given)
    return (found is None or found.get("status") == "True") and not is_deleting(given)


def holds(given: Obj, address: str) -> bool:
    """Is the address one that a Service may have from it?"""
    return any(net.gives(cidr, address) for cidr in cidrs_of(given))


def _problems(new: Obj, old: Obj | None) -> Found:
    """A second family may be added; what is there stays."""
    found: Found = []
    cidrs = cidrs_of(new)
    before = cidrs[:0] if old is None else cidrs_of(old)
    if old is not None and len(before) != len(cidrs) and (len(before), len(cidrs)) != (1, 2):
        return [invalid("spec.cidrs", cidrs, IMMUTABLE)]
    for index, (was, now) in enumerate(zip(before, cidrs, strict=False)):
        if was != now:
            found.append(invalid(f"spec.cidrs[{index}]", now, IMMUTABLE))
    if len(before) != len(cidrs) or old is None:
        _check_cidrs(cidrs, found)
    return found


def _check_cidrs(cidrs: list[str], found: Found) -> None:
    if not cidrs:
        found.append(required("spec.cidrs", "at least one CIDR required"))
    elif len(cidrs) > 2:
        found.append(invalid("spec.cidrs", cidrs, "may only hold up to 2 values"))
    else:
        known = len(found)
        for index, cidr in enumerate(cidrs):
            found.extend(invalid(f"spec.cidrs[{index}]", cidr, message) for message in net.cidr_messages(cidr))
        if len(found) == known and len({net.network(cidr).version for cidr in cidrs}) < len(cidrs):
            found.append(invalid("spec.cidrs", cidrs, _TWO_FAMILIES))


SERVICECIDR = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    problems=_problems,
    columns=(NAME, column("CIDRs", lambda given: ",".join(cidrs_of(given))), AGE),
    subresources=frozenset({"status"}),
)
