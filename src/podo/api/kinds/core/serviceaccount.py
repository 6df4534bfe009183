"""ServiceAccount (v1): who a pod is towards the API."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.meta import annotations_of

_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    if _MOUNTABLE not in annotations_of(new) or (old is not None and _MOUNTABLE in annotations_of(old)):
        return []
    what = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {what}"]


SERVICEACCOUNT = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
    warnings=_warnings,
    subresources=frozenset({"token"}),
    columns=(NAME, column("Secrets", lambda account: len(account.get("secrets") or ())), AGE),
)
