"""Lease (coordination.k8s.io/v1): who holds a right, and until when."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_not_negative, check_positive


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"), found)
    check_not_negative("spec.leaseTransitions", spec.get("leaseTransitions"), found)
    return found


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
