"""What workloads have in common: a selector, a pod template that it matches, and replicas."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.metadata_rules import check_annotations, check_labels
from podo.api.parts import pod_annotations
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.rules import Found, check_immutable, check_not_negative, forbidden, invalid, not_supported, required
from podo.values.selector import SelectorError, from_label_selector


def check_selector(spec: dict[str, Any], word: str, found: Found) -> None:
    """The selector of a workload, which must select something. ``word``: the workload's, in the message."""
    selector = spec.get("selector")
    if selector is None:
        found.append(required("spec.selector"))
        return
    check_label_selector(selector, "spec.selector", found)
    check_not_empty(selector, word, found)


def check_not_empty(selector: dict[str, Any], word: str, found: Found) -> None:
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        found.append(invalid("spec.selector", selector, f"empty selector is invalid for {word}"))


def check_pods(spec: dict[str, Any], kind: str, found: Found) -> None:
    """The template of pods that are replaced when they end. ``kind``: the workload's, in the message."""
    template = spec.get("template") or {}
    check_matches(template, spec.get("selector"), found)
    check_template(template, "spec.template", found)
    check_runs_for_ever(template, kind, found)


def check_fixed_selector(new: Obj, old: Obj | None, found: Found) -> None:
    if old is not None:
        selector, before = (obj["spec"].get("selector") for obj in (new, old))
        check_immutable("spec.selector", selector, before, found)


def check_matches(template: dict[str, Any], selector: dict[str, Any] | None, found: Found) -> None:
    """The template's labels must match a LabelSelector; none at all matches nothing."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    try:
        matches = from_label_selector(selector).matches(labels)
    except SelectorError:
        matches = True  # that the selector is wrong is already said
    if not matches:
        found.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))


def check_template(template: dict[str, Any], path: str, found: Found) -> None:
    """A pod template by itself."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    check_labels(metadata.get("labels") or {}, f"{path}.labels", found)
    check_annotations(metadata.get("annotations") or {}, f"{path}.annotations", found)
    pod_annotations.check(metadata, spec, f"{path}.annotations", found)
    check_pod_spec(spec, f"{path}.spec", found)
    pod_annotations.check_agreement(metadata, spec, f"{path}.spec", found)
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


def check_status_numbers(new: Obj, parts: tuple[str, ...], others: tuple[str, ...], found: Found) -> None:
    """Counts of a status: none is negative, none of a part is greater than the whole.
    ``parts``: fields that count some of the replicas; ``others``: further counts."""
    status = new.get("status") or {}
    for field in ("replicas", *parts, *others):
        check_not_negative(f"status.{field}", status.get(field), found)
    total = status.get("replicas") or 0
    for field in parts:
        if (count := status.get(field) or 0) > total:
            found.append(invalid(f"status.{field}", count, "cannot be greater than status.replicas"))


def check_available(new: Obj, ready: str, found: Found) -> None:
    """``ready``: the other field's name, in the message."""
    status = new.get("status") or {}
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        found.append(invalid("status.availableReplicas", available, f"cannot be greater than {ready}"))


def check_collisions(new: Obj, old: Obj | None, found: Found) -> None:
    """How often a name was taken is never counted down: names would be tried again."""
    count = (new.get("status") or {}).get("collisionCount")
    before = ((old or {}).get("status") or {}).get("collisionCount")
    if before is not None and (count is None or count < before):
        found.append(invalid("status.collisionCount", count or 0, "cannot be decremented"))


def status_problems(new: Obj, old: Obj | None) -> Found:
    """Of ReplicaSets and ReplicationControllers."""
    found: Found = []
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    check_status_numbers(new, parts, ("observedGeneration",), found)
    check_available(new, "readyReplicas", found)
    return found
