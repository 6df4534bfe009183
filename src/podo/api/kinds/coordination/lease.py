"""Lease (coordination.k8s.io/v1): who holds a right, and until when."""

from __future__ import annotations

from podo.api.kind import Kind

LEASE = Kind(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
)
