"""ReplicationController (v1): what ReplicaSets were before; its selector is a plain map of labels."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, labels_text, status_count, wide
from podo.api.kind import Kind, Obj, ScalePaths
from podo.api.meta import metadata
from podo.api.metadata_rules import check_labels
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import check_runs_for_ever, check_template, status_problems
from podo.api.rules import Found, check_not_negative, invalid, required


def _fill_in(controller: Obj) -> None:
    spec = controller["spec"] = controller.get("spec") or {}
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    fill_in_template(controller)
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    if labels and not metadata(controller).get("labels"):
        controller["metadata"]["labels"] = dict(labels)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_not_negative("spec.minReadySeconds", spec.get("minReadySeconds"), found)
    check_not_negative("spec.replicas", spec.get("replicas"), found)
    selector = spec.get("selector") or {}
    if not selector:
        found.append(required("spec.selector"))
    check_labels(selector, "spec.selector", found)
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector.items() <= labels.items():
        found.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    check_template(template, "spec.template", found)
    check_runs_for_ever(template, "ReplicaSet", found)
    return found


def _each(field: str) -> Any:
    def cell(controller: Obj) -> str:
        containers = ((controller["spec"].get("template") or {}).get("spec") or {}).get("containers") or ()
        return ",".join(container.get(field) or "" for container in containers)

    return cell


REPLICATIONCONTROLLER = Kind(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    singular="replicationcontroller",
    short_names=("rc",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=pod_warnings.of_workload,
    status_problems=status_problems,
    columns=(
        NAME,
        column("Desired", lambda controller: controller["spec"].get("replicas") or 0, "integer"),
        column("Current", status_count("replicas"), "integer"),
        column("Ready", status_count("readyReplicas"), "integer"),
        AGE,
        wide("Containers", _each("name")),
        wide("Images", _each("image")),
        wide("Selector", lambda controller: labels_text(controller["spec"].get("selector"))),
    ),
    fields={"status.replicas": lambda controller: str(status_count("replicas")(controller))},
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    generation=True,
    default_propagation="Orphan",
)
