"""Job (batch/v1): pods that run to their end, until enough of them have succeeded."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column, human_duration
from podo.api.kind import Column, Kind, Obj
from podo.api.kinds.batch.job_rules import NAME_LABEL, UID_LABEL, problems, spec_warnings
from podo.api.kinds.batch.job_status_rules import status_problems
from podo.api.meta import condition_is_true, is_deleting, metadata
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.values.timestamp import parse

_MOST = 2**31 - 1
#: Conditions by which the Status column goes, the first that is true.
_FINAL, _INTERIM = ("Complete", "Failed"), ("Suspended", "FailureTarget", "SuccessCriteriaMet")


def fill_in_spec(obj: Obj) -> None:
    """Defaults of ``obj["spec"]``, a JobSpec, in place."""
    spec = obj["spec"] = obj.get("spec") or {}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    if spec.get("parallelism") is None:
        spec["parallelism"] = 1
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 6 if spec.get("backoffLimitPerIndex") is None else _MOST
    spec["completionMode"] = spec.get("completionMode") or "NonIndexed"
    spec["suspend"] = bool(spec.get("suspend"))
    spec["manualSelector"] = bool(spec.get("manualSelector"))
    policy = spec.get("podFailurePolicy")
    if spec.get("podReplacementPolicy") is None:
        spec["podReplacementPolicy"] = "TerminatingOrFailed" if policy is None else "Failed"
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"
    fill_in_template(obj)


def _fill_in(job: Obj) -> None:
    fill_in_spec(job)
    labels = (job["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not metadata(job).get("labels"):
        job["metadata"]["labels"] = dict(labels)


def _prepare(new: Obj, old: Obj | None) -> None:
    """A new Job selects its pods by its own uid, unless its user says how."""
    spec = new["spec"]
    if old is not None or spec.get("manualSelector"):
        return
    uid, name = new["metadata"]["uid"], new["metadata"].get("name") or ""
    template = spec["template"].get("metadata") or {}
    labels = {**(template.get("labels") or {})}
    for label, value in ((UID_LABEL, uid), (NAME_LABEL, name), ("controller-uid", uid), ("job-name", name)):
        labels.setdefault(label, value)
    spec["template"]["metadata"] = {**template, "labels": labels}
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {UID_LABEL: uid, **(selector.get("matchLabels") or {})}}


def _status(job: Obj) -> str:
    for kind in _FINAL:
        if condition_is_true(job, kind):
            return kind
    if is_deleting(job):
        return "Terminating"
    return next((kind for kind in _INTERIM if condition_is_true(job, kind)), "Running")


def _completions(job: Obj) -> str:
    done = (job.get("status") or {}).get("succeeded") or 0
    wanted, parallel = job["spec"].get("completions"), job["spec"].get("parallelism") or 0
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(job: Obj, now: float) -> str:
    status = job.get("status") or {}
    try:
        started = parse(status["startTime"])
        return human_duration((parse(status["completionTime"]) if status.get("completionTime") else now) - started)
    except (KeyError, ValueError, TypeError):
        return ""


def _succeeded(job: Obj) -> Any:
    return str((job.get("status") or {}).get("succeeded") or 0)


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    if not pod_warnings.asks_anew(new, old):
        return []
    return pod_warnings.of_name(new, old) + spec_warnings(new["spec"], "spec")


JOB = Kind(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    singular="job",
    categories=("all",),
    fill_in=_fill_in,
    prepare=_prepare,
    problems=problems,
    warnings=_warnings,
    status_problems=status_problems,
    columns=(
        NAME,
        column("Status", _status),
        column("Completions", _completions),
        Column("Duration", _duration),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    fields={"status.successful": _succeeded},
    subresources=frozenset({"status"}),
    generation=True,
    default_propagation="Orphan",
)
