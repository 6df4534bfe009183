"""ReplicaSet (apps/v1): a number of replicas of one pod."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column, status_count
from podo.api.kind import Kind, Obj, ScalePaths
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import check_fixed_selector, check_pods, check_selector, status_problems
from podo.api.rules import Found, check_not_negative


def _fill_in(replicaset: Obj) -> None:
    spec = replicaset["spec"] = replicaset.get("spec") or {}
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    fill_in_template(replicaset)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    for field in ("replicas", "minReadySeconds"):
        check_not_negative(f"spec.{field}", spec.get(field), found)
    check_selector(spec, "deployment", found)  # upstream's word here, too
    check_pods(spec, "ReplicaSet", found)
    check_fixed_selector(new, old, found)
    return found


REPLICASET = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    short_names=("rs",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=pod_warnings.of_workload,
    status_problems=status_problems,
    columns=(
        NAME,
        column("Desired", lambda replicaset: replicaset["spec"].get("replicas") or 0, "integer"),
        column("Current", status_count("replicas"), "integer"),
        column("Ready", status_count("readyReplicas"), "integer"),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    fields={"status.replicas": lambda replicaset: str(status_count("replicas")(replicaset))},
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    generation=True,
)
