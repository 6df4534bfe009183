"""What a Job must be like, and the little of it that an update may change (API reference: Job)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.indexes import IndexesError, parse
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.pod_warnings import template_warnings
from podo.api.parts.replicas import check_matches, check_template
from podo.api.rules import (
    Found,
    check_immutable,
    check_not_negative,
    check_one_of,
    check_positive,
    check_text,
    duplicate,
    invalid,
    required,
    too_many,
)
from podo.values import names

_COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes"),
)
_FIXED = ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_MOST_RULES = 20
_MOST_CODES = 255
_MOST_PARALLEL = 100_000
_INDEXED = "requires indexed completion mode"
#: What of a template may change while a Job is suspended and has not begun.
_DIRECTIVES = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Job."""
    found: Found = []
    spec = new.get("spec") or {}
    check_job_spec(spec, "spec", found)
    _check_selector(new, spec, found)
    if old is not None:
        _check_update(new, old, found)
    return found


def _check_selector(job: Obj, spec: dict[str, Any], found: Found) -> None:
    selector = spec.get("selector")
    if selector is None:
        found.append(required("spec.selector"))
        return
    check_label_selector(selector, "spec.selector", found)
    check_matches(spec.get("template") or {}, selector, found)
    uid = job["metadata"].get("uid")
    if not spec.get("manualSelector") and uid and selector != {"matchLabels": {UID_LABEL: uid}}:
        labels = selector.get("matchLabels") or {}
        if labels.get(UID_LABEL) != uid and labels.get("controller-uid") != uid:
            found.append(invalid("spec.selector", selector, "`selector` not auto-generated"))


def check_job_spec(spec: dict[str, Any], path: str, found: Found) -> None:
    """A JobSpec, of a Job or of a CronJob's template."""
    for field in _COUNTS:
        check_not_negative(f"{path}.{field}", spec.get(field), found)
    mode = spec.get("completionMode") or "NonIndexed"
    check_one_of(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"), found)
    _check_indexed(spec, mode == "Indexed", path, found)
    _check_template(spec, path, found)
    replacement = ("Failed",) if spec.get("podFailurePolicy") else ("Failed", "TerminatingOrFailed")
    if (policy := spec.get("podReplacementPolicy")) is not None:
        check_one_of(f"{path}.podReplacementPolicy", policy, replacement, found)
    if (policy := spec.get("podFailurePolicy")) is not None:
        _check_failure_policy(spec, policy, f"{path}.podFailurePolicy", found)
    if (policy := spec.get("successPolicy")) is not None:
        _check_success_policy(spec, policy, f"{path}.successPolicy", found)
    if manager := spec.get("managedBy"):
        _check_manager(manager, f"{path}.managedBy", found)


def _check_manager(manager: str, path: str, found: Found) -> None:
    if "/" not in manager:
        found.append(invalid(path, manager, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    check_text(path, manager, names.qualified_name, found)
    if len(manager) > 63:
        found.append(invalid(path, manager, "may not be more than 63 bytes"))


def _check_indexed(spec: dict[str, Any], indexed: bool, path: str, found: Found) -> None:
    completions, per_index, most = (spec.get(f) for f in ("completions", "backoffLimitPerIndex", "maxFailedIndexes"))
    if indexed and completions is None:
        found.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if indexed and (spec.get("parallelism") or 0) > _MOST_PARALLEL:
        why = f"must be less than or equal to {_MOST_PARALLEL} when completion mode is Indexed"
        found.append(invalid(f"{path}.parallelism", spec["parallelism"], why))
    for field, value in (("backoffLimitPerIndex", per_index), ("maxFailedIndexes", most)):
        if value is not None and not indexed:
            found.append(invalid(f"{path}.{field}", value, _INDEXED))
    if most is None:
        return
    if per_index is None:
        found.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if completions is not None and most > completions:
        found.append(invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions"))


def _check_template(spec: dict[str, Any], path: str, found: Found) -> None:
    template = spec.get("template") or {}
    check_template(template, f"{path}.template", found)
    policy = (template.get("spec") or {}).get("restartPolicy")
    where = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        found.append(required(where, 'valid values: "OnFailure", "Never"'))
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        found.append(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'))


def _check_failure_policy(spec: dict[str, Any], policy: dict[str, Any], path: str, found: Found) -> None:
    rules = policy.get("rules") or ()
    if len(rules) > _MOST_RULES:
        found.append(too_many(f"{path}.rules", len(rules), _MOST_RULES))
    pod = (spec.get("template") or {}).get("spec") or {}
    known = {c.get("name") for field in ("containers", "initContainers") for c in pod.get(field) or ()}
    for index, rule in enumerate(rules):
        where = f"{path}.rules[{index}]"
        action = rule.get("action")
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            found.append(invalid(f"{where}.action", action, "requires the backoffLimitPerIndex to be set"))
        check_one_of(f"{where}.action", action, _ACTIONS, found)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if codes is not None and conditions:
            why = "specifying both OnExitCodes and OnPodConditions is not supported"
            found.append(invalid(where, rule, why))
        elif codes is None and not conditions:
            found.append(invalid(where, rule, "specifying one of OnExitCodes and OnPodConditions is required"))
        if codes is not None:
            _check_codes(codes, known, f"{where}.onExitCodes", found)
        for number, pattern in enumerate(conditions):
            at = f"{where}.onPodConditions[{number}]"
            check_text(f"{at}.type", pattern.get("type") or "", names.qualified_name, found)
            check_one_of(f"{at}.status", pattern.get("status"), ("False", "True", "Unknown"), found)


def _check_codes(codes: dict[str, Any], known: set[Any], path: str, found: Found) -> None:
    operator, values = codes.get("operator"), codes.get("values") or ()
    check_one_of(f"{path}.operator", operator, ("In", "NotIn"), found)
    if (name := codes.get("containerName")) is not None and name not in known:
        why = "must be one of the container or initContainer names in the pod template"
        found.append(invalid(f"{path}.containerName", name, why))
    if not values:
        found.append(invalid(f"{path}.values", [], "at least one value is required"))
    elif len(values) > _MOST_CODES:
        found.append(too_many(f"{path}.values", len(values), _MOST_CODES))
    if 0 in values and operator == "In":
        found.append(invalid(f"{path}.values[{list(values).index(0)}]", 0, "must not be 0 for the In operator"))
    if len(set(values)) != len(values):
        doubled = next(value for number, value in enumerate(values) if value in values[:number])
        found.append(duplicate(f"{path}.values", doubled))
    if list(values) != sorted(values):
        found.append(invalid(f"{path}.values", list(values), "must be ordered"))


def _check_success_policy(spec: dict[str, Any], policy: dict[str, Any], path: str, found: Found) -> None:
    if spec.get("completionMode") != "Indexed":
        found.append(invalid(path, policy, _INDEXED))
    rules = policy.get("rules") or ()
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        found.append(required(f"{path}.rules", why))
    if len(rules) > _MOST_RULES:
        found.append(too_many(f"{path}.rules", len(rules), _MOST_RULES))
    completions = spec.get("completions") or 0
    for index, rule in enumerate(rules):
        _check_success_rule(rule, completions, f"{path}.rules[{index}]", found)


def _check_success_rule(rule: dict[str, Any], completions: int, path: str, found: Found) -> None:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and text is None:
        found.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    total = completions
    if text is not None:
        try:
            total = len(parse(text, completions or 1))
        except IndexesError as problem:
            found.append(invalid(f"{path}.succeededIndexes", text, f"error parsing succeededIndexes: {problem}"))
    if count is not None:
        check_positive(f"{path}.succeededCount", count, found)
        if count > total:
            what = "specified completions" if text is None else "indexes in the specified succeededIndexes field"
            why = f"must be less than or equal to {total} (the number of {what})"
            found.append(invalid(f"{path}.succeededCount", count, why))


def _check_update(new: Obj, old: Obj, found: Found) -> None:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for field in _FIXED:
        check_immutable(f"spec.{field}", after.get(field), before.get(field), found)
    _check_completions(after, before, found)
    template = before.get("template") or {}
    if before.get("suspend") and not (old.get("status") or {}).get("startTime"):
        template = _with_directives(template, after.get("template") or {})
    check_immutable("spec.template", after.get("template"), template, found)


def _check_completions(after: dict[str, Any], before: dict[str, Any], found: Found) -> None:
    """Only an Indexed Job can grow or shrink, and only together with its parallelism."""
    new, old = after.get("completions"), before.get("completions")
    if new == old:
        return
    if after.get("completionMode") != "Indexed" or new is None:
        check_immutable("spec.completions", new, old, found)
    elif old != before.get("parallelism") or new != after.get("parallelism"):
        why = "can only be modified in tandem with spec.parallelism"
        found.append(invalid("spec.completions", new, why))


def _with_directives(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``old`` with the scheduling directives of ``new``: these may change."""
    spec = {key: value for key, value in (old.get("spec") or {}).items() if key not in _DIRECTIVES}
    spec |= {key: value for key, value in (new.get("spec") or {}).items() if key in _DIRECTIVES}
    return {**old, "metadata": new.get("metadata") or {}, "spec": spec}


def status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for field in ("active", "succeeded", "failed", "ready", "terminating"):
        check_not_negative(f"status.{field}", status.get(field), found)
    true = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    if {"Complete", "Failed"} <= true:
        found.append(invalid("status.conditions", "", "cannot set Complete=True and Failed=True conditions"))
    if status.get("completionTime") and "Complete" not in true:
        why = "cannot set completionTime when there is no Complete=True condition"
        found.append(invalid("status.completionTime", status["completionTime"], why))
    return found


def spec_warnings(spec: dict[str, Any], path: str) -> list[str]:
    """What a client is told of a JobSpec that is good."""
    found = []
    many = (spec.get("completions") or 0) > 100_000 and (spec.get("parallelism") or 0) > 10_000
    if many and spec.get("completionMode") == "Indexed":
        what = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4"
        why = "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        found.append(f"{path}: {what}, {why}")
    return found + template_warnings(spec.get("template") or {}, f"{path}.template")
