"""Eviction (policy/v1): the body of ``pods/eviction``, which deletes a pod unless a disruption budget forbids it."""

from __future__ import annotations

from podo.api.kind import Kind

EVICTION = Kind(
    group="policy", version="v1", kind="Eviction", plural="evictions", singular="eviction", verbs=("create",)
)
