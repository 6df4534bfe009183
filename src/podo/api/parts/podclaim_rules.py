"""What a pod's claims of devices must be like, and what its containers may say of them (KEP-4381)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.rules import Found, check_text, duplicate, invalid, not_found, required
from podo.values import names

_WAYS = ("resourceClaimName", "resourceClaimTemplateName")


def claim_names(claims: Iterable[dict[str, Any]]) -> frozenset[str]:
    return frozenset(name for claim in claims if (name := claim.get("name")))


def check_pod_claims(claims: Iterable[dict[str, Any]], path: str, found: Found) -> None:
    """``resourceClaims`` of a pod: each names a claim, or a template that one is made from."""
    taken = set()
    for index, claim in enumerate(claims):
        where, name = f"{path}[{index}]", claim.get("name")
        if not name:
            found.append(required(f"{where}.name"))
        elif name in taken:
            found.append(duplicate(f"{where}.name", name))
        else:
            check_text(f"{where}.name", name, names.label, found)
            taken.add(name)
        given = [field for field in _WAYS if claim.get(field) is not None]
        if len(given) > 1:
            why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            found.append(invalid(where, claim, why))
        elif not given:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            found.append(invalid(where, claim, why))
        for field in given:
            check_text(f"{where}.{field}", claim[field], names.subdomain, found)


def check_container_claims(claims: list[dict[str, Any]], known: frozenset[str], path: str, found: Found) -> None:
    """``resources.claims`` of a container. ``known``: the names of the pod's."""
    taken: set[str] = set()
    for index, claim in enumerate(claims):
        where, name, request = f"{path}[{index}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            found.append(required(where))
            continue
        if name in taken:
            found.append(duplicate(where, name))
        else:
            _check_request(name, request, taken, where, found)
        if name not in known:
            others = f": {', '.join(sorted(known))}" if known else " which is empty"
            found.append(not_found(where, name, f"must be one of the names in pod.spec.resourceClaims{others}"))


def _check_request(name: str, request: str, taken: set[str], path: str, found: Found) -> None:
    """A claim as a whole, or one request of it; not both, and none twice."""
    key = f"{name}/{request}" if request else name
    if request:
        check_text(f"{path}.request", request, names.label, found)
    if key in taken:
        found.append(duplicate(path, key))
    elif not request:
        found.extend(duplicate(path, name) for other in taken if other.partition("/")[0] == name)
    taken.add(key)
