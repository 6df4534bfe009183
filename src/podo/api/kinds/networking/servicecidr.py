"""ServiceCIDR (networking.k8s.io/v1): a range that cluster IPs come from."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import IMMUTABLE, Found, invalid, required
from podo.values import net

_TWO_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def _cidrs(given: Obj) -> list[str]:
    return (given.get("spec") or {}).get("cidrs") or []


def _problems(new: Obj, old: Obj | None) -> Found:
    """A second family may be added; what is there stays."""
    found: Found = []
    cidrs = _cidrs(new)
    before = cidrs[:0] if old is None else _cidrs(old)
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
    columns=(NAME, column("CIDRs", lambda given: ",".join(_cidrs(given))), AGE),
    subresources=frozenset({"status"}),
)
