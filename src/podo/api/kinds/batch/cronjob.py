"""CronJob (batch/v1): a Job at each time of a schedule."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, selector_text, since, wide
from podo.api.kind import Column, Kind, Obj
from podo.api.kinds.batch.job_rules import check_job_spec, spec_warnings
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.rules import Found, check_not_negative, check_one_of, invalid, not_supported, required
from podo.values.cron import CronError, ZoneError, parse, zone

_POLICIES = ("Allow", "Forbid", "Replace")
#: A Job's name is the CronJob's and eleven characters more.
_LONGEST_NAME = 52
_IN_SCHEDULE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
_IN_BOTH = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
_LOCAL = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


def _fill_in(cronjob: Obj) -> None:
    spec = cronjob["spec"] = cronjob.get("spec") or {}
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    spec["suspend"] = bool(spec.get("suspend"))
    if spec.get("successfulJobsHistoryLimit") is None:
        spec["successfulJobsHistoryLimit"] = 3
    if spec.get("failedJobsHistoryLimit") is None:
        spec["failedJobsHistoryLimit"] = 1
    template = spec["jobTemplate"] = spec.get("jobTemplate") or {}
    template["spec"] = template.get("spec") or {}
    fill_in_template(template)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
    _check_schedule(spec, "TZ" in (before.get("schedule") or ""), found)
    check_not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"), found)
    if old is None or spec.get("timeZone") != before.get("timeZone"):
        _check_zone(spec.get("timeZone"), found)
    check_one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy") or "", _POLICIES, found)
    _check_job((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec", found)
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        check_not_negative(f"spec.{field}", spec.get(field), found)
    name = new["metadata"].get("name") or ""
    if old is None and len(name) > _LONGEST_NAME:
        found.append(invalid("metadata.name", name, f"must be no more than {_LONGEST_NAME} characters"))
    return found


def _check_job(job: dict[str, Any], path: str, found: Found) -> None:
    check_job_spec(job, path, found)
    if (selector := job.get("selector")) is not None:
        found.append(invalid(f"{path}.selector", selector, "`selector` will be auto-generated"))
    if job.get("manualSelector"):
        found.append(not_supported(f"{path}.manualSelector", True, ("nil", "false")))


def _check_schedule(spec: dict[str, Any], had_zone: bool, found: Found) -> None:
    """``had_zone``: of old, a zone could stand in the schedule; it may stay."""
    schedule = spec.get("schedule") or ""
    if not schedule:
        found.append(required("spec.schedule"))
        return
    has_zone = "TZ" in schedule
    try:
        parse(schedule)
    except CronError as problem:
        if not has_zone:
            found.append(invalid("spec.schedule", schedule, str(problem)))
    if has_zone and not had_zone:
        found.append(invalid("spec.schedule", schedule, _IN_SCHEDULE))
    elif has_zone and spec.get("timeZone") is not None:
        found.append(invalid("spec.schedule", schedule, _IN_BOTH))


def _check_zone(name: str | None, found: Found) -> None:
    if name is None:
        return
    if not name:
        found.append(invalid("spec.timeZone", name, "timeZone must be nil or non-empty string"))
    elif name.lower() == "local":
        found.append(invalid("spec.timeZone", name, _LOCAL))
    else:
        try:
            zone(name)
        except ZoneError as problem:
            found.append(invalid("spec.timeZone", name, str(problem)))


def _last_schedule(cronjob: Obj, now: float) -> str:
    last = (cronjob.get("status") or {}).get("lastScheduleTime")
    return since(last, now) if last else "<none>"


def _pod(cronjob: Obj) -> dict[str, Any]:
    spec = (cronjob["spec"].get("jobTemplate") or {}).get("spec") or {}
    found: dict[str, Any] = (spec.get("template") or {}).get("spec") or {}
    return found


def _each(field: str) -> Any:
    return lambda cronjob: ",".join(c.get(field, "") for c in _pod(cronjob).get("containers") or ())


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    found = pod_warnings.of_name(new, old)
    if pod_warnings.asks_anew(new, old):
        found += spec_warnings(new["spec"]["jobTemplate"].get("spec") or {}, "spec.jobTemplate.spec")
    if "TZ" in (new["spec"].get("schedule") or ""):
        where = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
        what = "cannot use TZ or CRON_TZ in spec.spec.schedule"  # as upstream has it
        found.append(f"{what}, use timeZone instead, see {where} for more details")
    return found


CRONJOB = Kind(
    group="batch",
    version="v1",
    kind="CronJob",
    plural="cronjobs",
    singular="cronjob",
    short_names=("cj",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Schedule", lambda cronjob: cronjob["spec"].get("schedule") or ""),
        column("Timezone", lambda cronjob: cronjob["spec"].get("timeZone") or "<none>"),
        column("Suspend", lambda cronjob: str(bool(cronjob["spec"].get("suspend"))), "boolean"),
        column("Active", lambda cronjob: len((cronjob.get("status") or {}).get("active") or ()), "integer"),
        Column("Last Schedule", _last_schedule),
        AGE,
        wide("Containers", _each("name")),
        wide("Images", _each("image")),
        wide(
            "Selector",
            lambda c: selector_text((c["spec"]["jobTemplate"].get("spec") or {}).get("selector")) or "<none>",
        ),
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
