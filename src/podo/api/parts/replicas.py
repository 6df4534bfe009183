"""What workloads have in common: a selector, a pod template that it matches, and replicas."""

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
    check_selected(new, old, kind, "ReplicaSet", found)


def check_selected(new: Obj, old: Obj | None, word: str, kind: str, found: Found) -> None:
    """Selector, template and minReadySeconds. ``word`` and ``kind``: its names in messages."""
    spec = new.get("spec") or {}
    check_not_negative("spec.minReadySeconds", spec.get("minReadySeconds"), found)
    selector = spec.get("selector")
    if selector is None:
        found.append(required("spec.selector"))
    else:
        check_label_selector(selector, "spec.selector", found)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            found.append(invalid("spec.selector", selector, f"empty selector is invalid for {word}"))
    if old is not None:
        check_immutable("spec.selector", selector, (old.get("spec") or {}).get("selector"), found)
    check_matches(spec.get("template") or {}, selector, found)
    check_template(spec.get("template") or {}, "spec.template", found)
    check_runs_for_ever(spec.get("template") or {}, kind, found)


def check_matches(template: dict[str, Any], selector: dict[str, Any] | None, found: Found) -> None:
    """The template's labels must match a LabelSelector."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    try:
        matches = not selector or from_label_selector(selector).matches(labels)
    except SelectorError:
        matches = True  # that the selector is wrong is already said
    if not matches:
        found.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))


def check_template(template: dict[str, Any], path: str, found: Found) -> None:
    """A pod template by itself."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    check_labels(metadata.get("labels") or {}, f"{path}.labels", found)
    check_annotations(metadata.get("annotations") or {}, f"{path}.annotations", found)
    check_pod_spec(spec, f"{path}.spec", found)
    if spec.get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        found.append(forbidden(f"{path}.spec.ephemeralContainers", why))


def check_runs_for_ever(template: dict[str, Any], kind: str, found: Found) -> None:
    """Pods that are replaced when they end must not be made to end."""
    spec = template.get("spec") or {}
    if (policy := spec.get("restartPolicy")) in ("Never", "OnFailure"):
        found.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        found.append(forbidden("spec.template.spec.activeDeadlineSeconds", why))


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


def status_problems(new: Obj, old: Obj | None) -> Found:
    """Of ReplicaSets and ReplicationControllers."""
    found: Found = []
    check_status_numbers(new, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"), found)
    return found
