"""Lease (coordination.k8s.io/v1): who holds a right, and until when."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_not_negative, check_positive, check_text, forbidden, not_supported
from podo.values import names

_STRATEGIES = ("OldestEmulationVersion",)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"), found)
    check_not_negative("spec.leaseTransitions", spec.get("leaseTransitions"), found)
    strategy = spec.get("strategy")
    if strategy is not None:
        _check_strategy(strategy, "spec.strategy.strategy", found)  # upstream's path: the field is named twice
    if spec.get("preferredHolder") and not strategy:
        found.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return found


def _check_strategy(strategy: str, path: str, found: Found) -> None:
    """How candidates are chosen: Kubernetes' own way, or one with a domain in front."""
    if "/" in strategy:
        check_text(path, strategy, names.qualified_name, found)
    elif strategy not in _STRATEGIES:
        found.append(not_supported(path, strategy, _STRATEGIES))


LEASE = Kind(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
    problems=_problems,
    columns=(NAME, column("Holder", lambda lease: (lease.get("spec") or {}).get("holderIdentity") or ""), AGE),
    conditional=True,
    created_by_update=True,
)
