"""ServiceCIDR (networking.k8s.io/v1): a range that cluster IPs come from."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import IMMUTABLE, Found, invalid, required
from podo.values import net

_TWO_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96"


def _cidrs(given: Obj) -> list[str]:
    return (given.get("spec") or {}).get("cidrs") or []


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    cidrs = _cidrs(new)
    if old is not None:
        _check_update(cidrs, _cidrs(old), found)
    if not cidrs:
        found.append(required("spec.cidrs", "at least one CIDR required"))
    elif len(cidrs) > 2:
        found.append(invalid("spec.cidrs", cidrs, "may only hold up to 2 values"))
    else:
        for index, cidr in enumerate(cidrs):
            found.extend(invalid(f"spec.cidrs[{index}]", cidr, message) for message in net.cidr_messages(cidr))
        if not found and len({net.network(cidr).version for cidr in cidrs}) < len(cidrs):
            found.append(invalid("spec.cidrs", cidrs, _TWO_FAMILIES))
    return found


def _check_update(new: list[str], old: list[str], found: Found) -> None:
    """A second family may be added; what is there stays."""
    for index, cidr in enumerate(old):
        if index >= len(new):
            found.append(invalid(f"spec.cidrs[{index}]", None, IMMUTABLE))
        elif new[index] != cidr:
            found.append(invalid(f"spec.cidrs[{index}]", new[index], IMMUTABLE))


SERVICECIDR = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    problems=_problems,
    columns=(NAME, column("CIDRs", lambda given: ",".join(_cidrs(given))), AGE),
    subresources=frozenset({"status"}),
)
