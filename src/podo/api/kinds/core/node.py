"""Node (v1): a machine that runs pods."""

from __future__ import annotations

from podo.api.kind import Kind

NODE = Kind(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    singular="node",
    short_names=("no",),
    namespaced=False,
    subresources=frozenset({"status"}),
)
