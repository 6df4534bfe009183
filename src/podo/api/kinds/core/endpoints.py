"""Endpoints (v1): the addresses behind a Service, the older form."""

from __future__ import annotations

from podo.api.kind import Kind

ENDPOINTS = Kind(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
)
