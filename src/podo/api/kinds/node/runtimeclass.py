"""RuntimeClass (node.k8s.io/v1): which handler of the container runtime runs a pod, and what that costs."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.metadata_rules import check_labels
from podo.api.parts import nodelabels
from podo.api.parts.resource_rules import check_resources
from podo.api.parts.toleration_rules import check_tolerations
from podo.api.rules import Found, check_immutable, check_text
from podo.values import names


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    handler = new.get("handler") or ""
    if old is not None:
        check_immutable("handler", handler, old.get("handler") or "", found)
        return found
    check_text("handler", handler, names.label, found)
    if overhead := new.get("overhead"):
        _check_overhead(overhead.get("podFixed") or {}, found)
    if scheduling := new.get("scheduling"):
        check_labels(scheduling.get("nodeSelector") or {}, "scheduling.nodeSelector", found)
        check_tolerations(scheduling.get("tolerations") or [], "scheduling.tolerations", found)
    return found


def _check_overhead(amounts: dict[str, Any], found: Found) -> None:
    """The rules of a container's limits, as which upstream names them."""
    check_resources({"limits": amounts}, "overhead", found)


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    selector = (new.get("scheduling") or {}).get("nodeSelector") or {}
    return [
        f"scheduling.nodeSelector: {nodelabels.DEPRECATED[key]}" for key in selector if key in nodelabels.DEPRECATED
    ]


RUNTIMECLASS = Kind(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    singular="runtimeclass",
    namespaced=False,
    problems=_problems,
    warnings=_warnings,
    columns=(NAME, column("Handler", lambda given: given.get("handler") or ""), AGE),
    conditional=True,
    created_by_update=True,
)
