"""What a Job must be like, and the little of it that an update may change (API reference: Job)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.batch.job_policy_rules import INDEXED, check_failure_policy, check_success_policy
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.pod_warnings import template_warnings
from podo.api.parts.replicas import check_matches, check_template
from podo.api.rules import (
    Found,
    check_choice,
    check_immutable,
    check_not_negative,
    check_one_of,
    check_text,
    invalid,
    not_supported,
    required,
    too_long,
)
from podo.values import names
from podo.values.selector import SelectorError, from_label_selector

_COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes"),
)
_FIXED = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
#: Of indexes that the status must list: in general, and where each has a limit of its own.
_MANY, _FEWER = 100_000, 10_000
_LONGEST_MANAGER = 63
_RESTART = ("OnFailure", "Never")
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_is_path = re.compile(_PATH).fullmatch
#: What of a template may change while a Job is suspended and has not begun.
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")
_FREE = ("labels", "annotations")
UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Job."""
    found: Found = []
    spec = new.get("spec") or {}
    if old is None and not spec.get("manualSelector"):
        _check_generated(new, spec, found)
    check_job_spec(spec, "spec", found)
    if (selector := spec.get("selector")) is None:
        found.append(required("spec.selector"))
    else:
        check_label_selector(selector, "spec.selector", found)
    check_matches(spec.get("template") or {}, selector, found)
    if old is None:
        _check_hostnames(new, spec, found)
    else:
        _check_update(new, old, found)
    return found


def _check_generated(job: Obj, spec: dict[str, Any], found: Found) -> None:
    """The server's labels select a Job's pods, so nobody may have set others in their place."""
    selector, uid, name = spec.get("selector"), job["metadata"].get("uid"), job["metadata"].get("name")
    if selector is None:
        return
    if not uid:
        found.append(required("metadata.uid"))
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    wanted = {"controller-uid": uid or "", "job-name": name or "", UID_LABEL: uid or "", NAME_LABEL: name or ""}
    for label, value in wanted.items():
        path, why = f"spec.template.metadata.labels[{label}]", f"must be '{value}'"
        if label not in labels:
            found.append(required(path, why))
        elif labels[label] != value:
            found.append(invalid(path, labels, why))
    try:
        if not from_label_selector(selector).matches(wanted):
            found.append(invalid("spec.selector", selector, "`selector` not auto-generated"))
    except SelectorError:
        pass  # told by the selector's own rules


def _check_hostnames(job: Obj, spec: dict[str, Any], found: Found) -> None:
    """The pods of an Indexed Job have its name and their index for their hostname."""
    completions, name = spec.get("completions") or 0, job["metadata"].get("name") or ""
    if spec.get("completionMode") == "Indexed" and completions > 0:
        longest = f"{name}-{completions - 1}"
        if names.label(longest):
            found.append(
                invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {longest}")
            )


def check_job_spec(spec: dict[str, Any], path: str, found: Found) -> None:
    """A JobSpec, of a Job or of a CronJob's template."""
    for field in _COUNTS:
        check_not_negative(f"{path}.{field}", spec.get(field), found)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        found.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        _check_manager(manager, f"{path}.managedBy", found)
    mode = spec.get("completionMode") or "NonIndexed"
    check_one_of(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"), found)
    if mode == "Indexed":
        _check_indexed(spec, path, found)
    elif mode == "NonIndexed":
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if (value := spec.get(field)) is not None:
                found.append(invalid(f"{path}.{field}", value, INDEXED))
    if (policy := spec.get("podFailurePolicy")) is not None:
        check_failure_policy(spec, policy, f"{path}.podFailurePolicy", found)
    if (policy := spec.get("successPolicy")) is not None:
        check_success_policy(spec, policy, f"{path}.successPolicy", found)
    replacement = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    check_choice(f"{path}.podReplacementPolicy", spec.get("podReplacementPolicy"), replacement, found)
    _check_template(spec, path, found)


def _check_manager(manager: str, path: str, found: Found) -> None:
    """A path of a domain, such as ``acme.io/foo``."""
    host, slash, rest = manager.partition("/")
    if not manager:
        found.append(required(path))
    elif not (host and slash and rest):
        found.append(invalid(path, manager, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    else:
        check_text(path, host, names.subdomain, found)
        if not _is_path(rest):
            found.append(invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')"))
    if len(manager) > _LONGEST_MANAGER:
        found.append(too_long(path, _LONGEST_MANAGER))


def _check_indexed(spec: dict[str, Any], path: str, found: Found) -> None:
    completions, parallelism, most = (spec.get(f) for f in ("completions", "parallelism", "maxFailedIndexes"))

    def limit(field: str, value: int | None, most: int, when: str = "") -> None:
        if value is not None and value > most:
            found.append(invalid(f"{path}.{field}", value, f"must be less than or equal to {most}{when}"))

    if completions is None:
        found.append(required(f"{path}.completions", "when completion mode is Indexed"))
    limit("parallelism", parallelism, _MANY, " when completion mode is Indexed")
    if completions is not None and most is not None and most > completions:
        found.append(invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions"))
    limit("maxFailedIndexes", most, _MANY)
    if (completions or 0) <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return
    if most is None:
        found.append(required(f"{path}.maxFailedIndexes", f"must be specified when completions is above {_MANY}"))
    when = f" when completions are above {_MANY} and used with backoff limit per index"
    limit("parallelism", parallelism, _FEWER, when)
    limit("maxFailedIndexes", most, _FEWER, when)


def _check_template(spec: dict[str, Any], path: str, found: Found) -> None:
    template = spec.get("template") or {}
    check_template(template, f"{path}.template", found)
    policy = (template.get("spec") or {}).get("restartPolicy")
    where = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        found.append(required(where, 'valid values: "OnFailure", "Never"'))
    elif policy not in _RESTART:
        found.append(not_supported(where, policy, _RESTART))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        found.append(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'))


def _check_update(new: Obj, old: Obj, found: Found) -> None:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    _check_completions(after, before, found)
    check_immutable("spec.selector", after.get("selector"), before.get("selector"), found)
    template = before.get("template") or {}
    if before.get("suspend") and not (old.get("status") or {}).get("startTime"):
        template = _with_directives(template, after.get("template") or {})
    check_immutable("spec.template", after.get("template"), template, found)
    for field in _FIXED:
        check_immutable(f"spec.{field}", after.get(field), before.get(field), found)


def _check_completions(after: dict[str, Any], before: dict[str, Any], found: Found) -> None:
    """Only an Indexed Job can grow or shrink, and only together with its parallelism."""
    new, old = after.get("completions"), before.get("completions")
    if after.get("completionMode") != "Indexed":
        check_immutable("spec.completions", new, old, found)
    elif new != old and new is not None and new != after.get("parallelism"):
        found.append(invalid("spec.completions", new, "can only be modified in tandem with spec.parallelism"))


def _with_directives(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``old`` with what of ``new`` may change: where its pods go, their labels and their annotations."""
    had, has = old.get("spec") or {}, new.get("spec") or {}
    spec = {key: value for key, value in had.items() if key not in _DIRECTIVES}
    spec |= {key: value for key, value in has.items() if key in _DIRECTIVES}
    affinity = {key: value for key, value in (had.get("affinity") or {}).items() if key != "nodeAffinity"}
    if nodes := (has.get("affinity") or {}).get("nodeAffinity"):
        affinity["nodeAffinity"] = nodes
    if affinity or has.get("affinity") == {}:
        spec["affinity"] = affinity
    metadata = {key: value for key, value in (old.get("metadata") or {}).items() if key not in _FREE}
    metadata |= {key: value for key, value in (new.get("metadata") or {}).items() if key in _FREE}
    return {**old, "metadata": metadata, "spec": spec}


def spec_warnings(spec: dict[str, Any], path: str) -> list[str]:
    """What a client is told of a JobSpec that is good."""
    found = []
    many = (spec.get("completions") or 0) > 100_000 and (spec.get("parallelism") or 0) > 10_000
    if many and spec.get("completionMode") == "Indexed":
        what = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4"
        why = "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        found.append(f"{path}: {what}, {why}")
    return found + template_warnings(spec.get("template") or {}, f"{path}.template")
