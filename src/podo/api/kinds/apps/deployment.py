"""Deployment (apps/v1): replicas of a pod, changed step by step."""

from __future__ import annotations

from podo.api.kind import Kind, ScalePaths

DEPLOYMENT = Kind(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    short_names=("deploy",),
    categories=("all",),
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    generation=True,
)
