"""ReplicaSet (apps/v1): a number of replicas of one pod."""

from __future__ import annotations

from podo.api.kind import Kind, ScalePaths

REPLICASET = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    short_names=("rs",),
    categories=("all",),
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    generation=True,
)
