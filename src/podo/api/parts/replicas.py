"""What Deployments and ReplicaSets have in common: a selector, a pod template that it matches, and replicas."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.metadata_rules import check_annotations, check_labels
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.rules import Found, check_immutable, check_not_negative, forbidden, invalid, not_supported, required
from podo.values.selector import SelectorError, from_label_selector


def check_replicated(new: Obj, old: Obj | None, kind: str, found: Found) -> None:
    """Selector, template and replicas; ``kind`` is the word for it in messages."""
    spec = new.get("spec") or {}
    check_not_negative("spec.replicas", spec.get("replicas"), found)
    check_not_negative("spec.minReadySeconds", spec.get("minReadySeconds"), found)
    selector = spec.get("selector")
    if selector is None:
        found.append(required("spec.selector"))
    else:
        check_label_selector(selector, "spec.selector", found)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            found.append(invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    if old is not None:
        check_immutable("spec.selector", selector, (old.get("spec") or {}).get("selector"), found)
    _check_template(spec.get("template") or {}, selector, found)


def _check_template(template: dict[str, Any], selector: dict[str, Any] | None, found: Found) -> None:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    labels = metadata.get("labels") or {}
    try:
        matches = not selector or from_label_selector(selector).matches(labels)
    except SelectorError:
        matches = True  # that the selector is wrong is already said
    if not matches:
        found.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    check_labels(labels, "spec.template.labels", found)
    check_annotations(metadata.get("annotations") or {}, "spec.template.annotations", found)
    check_pod_spec(spec, "spec.template.spec", found)
    if (policy := spec.get("restartPolicy")) in ("Never", "OnFailure"):
        found.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        found.append(forbidden("spec.template.spec.activeDeadlineSeconds", why))
    if spec.get("ephemeralContainers"):
        found.append(
            forbidden("spec.template.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )


def check_status_numbers(new: Obj, fields: tuple[str, ...], found: Found) -> None:
    """Counts of a status: none is negative, none of a part is greater than the whole."""
    status = new.get("status") or {}
    total = status.get("replicas") or 0
    for field in ("replicas", *fields):
        count = status.get(field) or 0
        check_not_negative(f"status.{field}", count, found)
        if count > total:
            found.append(invalid(f"status.{field}", count, "cannot be greater than status.replicas"))
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        found.append(invalid("status.availableReplicas", available, "cannot be greater than readyReplicas"))
