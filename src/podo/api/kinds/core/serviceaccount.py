"""ServiceAccount (v1): who a pod is towards the API."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind

SERVICEACCOUNT = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
    subresources=frozenset({"token"}),
    columns=(NAME, column("Secrets", lambda account: len(account.get("secrets") or ()), "integer"), AGE),
)
