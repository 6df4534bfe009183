"""Service (v1): one stable address for a set of pods."""

from __future__ import annotations

from podo.api.kind import Kind

SERVICE = Kind(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    short_names=("svc",),
    categories=("all",),
    subresources=frozenset({"status"}),
    name_rule="label1035",
)
