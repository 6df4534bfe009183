"""Pod (v1): containers that run together on one node."""

from __future__ import annotations

from podo.api.kind import Kind

POD = Kind(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    subresources=frozenset({"status", "binding", "log", "exec", "attach", "portforward"}),
    generation=True,
)
