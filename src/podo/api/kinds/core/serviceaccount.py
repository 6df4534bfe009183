"""ServiceAccount (v1): who a pod is towards the API."""

from __future__ import annotations

from podo.api.kind import Kind

SERVICEACCOUNT = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
)
