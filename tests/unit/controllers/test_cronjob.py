from __future__ import annotations

import copy
from typing import Any

import pytest

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.meta import name_of, uid_of
from podo.controllers import cronjob as module
from podo.controllers import ttlafterfinished
from podo.controllers.job import sync as job
from podo.values import timestamp
from tests.cpu import costs_at_most
from tests.unit.controllers.stage import START, Stage, template

NOON = START - START % 86400 + 43200


def cronjob(schedule: str = "*/10 * * * *", **spec: Any) -> dict:
    pod = template("busybox", app="tick")
    pod["spec"]["restartPolicy"] = "Never"
    made = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"template": pod}}},
    }
    made["spec"].update(spec)
    registry.named("CronJob").fill_in(made)
    return made


def begun(schedule: str = "*/10 * * * *", **spec: Any) -> Stage:
    s = Stage(module.reconcile)
    s.now = NOON
    s.put(cronjob(schedule, **spec))
    s.run()
    return s


def end(s: Stage, of: dict, how: str = "Complete") -> None:
    stamp = timestamp.time(s.now)
    status: dict = {"startTime": stamp, "conditions": [{"type": how, "status": "True", "lastTransitionTime": stamp}]}
    if how == "Complete":
        status["completionTime"] = stamp
    s.put({**s.fresh(of), "status": status})
    s.run()


def status(s: Stage) -> dict:
    return s.get("CronJob", "tick", "default")["status"]


def test_a_job_at_each_time() -> None:
    s = begun()
    assert s.list("Job") == []
    s.pass_time(601)
    (one,) = s.list("Job")
    assert name_of(one) == f"tick-{int(NOON + 600) // 60}" and one["metadata"]["labels"] == {"a": "b"}
    scheduled = one["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert scheduled == timestamp.time(NOON + 600) == status(s)["lastScheduleTime"]
    assert [reference["uid"] for reference in status(s)["active"]] == [uid_of(one)]
    assert s.told == [("Normal", "SuccessfulCreate", f"Created job {name_of(one)}")]
    end(s, one)
    assert "active" not in status(s) and status(s)["lastSuccessfulTime"] == timestamp.time(s.now)
    assert s.told[-1] == ("Normal", "SawCompletedJob", f"Saw completed job: {name_of(one)}, condition: Complete")
    assert s.everything() == []


@pytest.mark.parametrize(("policy", "left"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
def test_concurrency(policy: str, left: int) -> None:
    s = begun(concurrencyPolicy=policy)
    s.pass_time(1801)
    assert len(s.list("Job")) == left
    newest = f"tick-{int(NOON + (600 if policy == 'Forbid' else 1800)) // 60}"
    assert newest in [name_of(job) for job in s.list("Job")]
    assert ("JobAlreadyActive" in s.reasons()) == (policy == "Forbid")


def test_forbid_runs_later_what_could_not_start() -> None:
    s = begun(concurrencyPolicy="Forbid")
    s.pass_time(1300)
    end(s, s.list("Job")[0])
    names = [name_of(job) for job in s.list("Job")]
    assert f"tick-{int(NOON + 1200) // 60}" in names


def test_suspended_and_resumed_runs_only_the_last_that_was_missed() -> None:
    s = begun(suspend=True)
    s.pass_time(7200)
    assert s.list("Job") == []
    s.change(s.get("CronJob", "tick", "default"), {"spec": {"suspend": False}})
    s.run()
    assert [name_of(job) for job in s.list("Job")] == [f"tick-{int(NOON + 7200) // 60}"]


def test_too_late_is_told_and_left_out() -> None:
    s = begun("0 * * * *", suspend=True, startingDeadlineSeconds=100)
    s.pass_time(3600 + 200)
    s.change(s.get("CronJob", "tick", "default"), {"spec": {"suspend": False}})
    s.run()
    assert s.list("Job") == []
    s.pass_time(3600)
    assert len(s.list("Job")) == 1


def test_more_than_a_hundred_missed_times_are_told() -> None:
    s = begun("* * * * *", suspend=True)
    s.pass_time(150 * 60)
    s.change(s.get("CronJob", "tick", "default"), {"spec": {"suspend": False}})
    s.run()
    assert len(s.list("Job")) == 1 and "TooManyMissedTimes" in s.reasons()


def test_history_limits() -> None:
    s = begun(successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1)
    for number in range(8):
        s.pass_time(600.5)
        running = [job for job in s.list("Job") if not job.get("status")]
        end(s, running[0], "Failed" if number % 2 else "Complete")
    ends = [job["status"]["conditions"][0]["type"] for job in s.list("Job")]
    assert sorted(ends) == ["Complete", "Complete", "Failed"]


def test_a_job_deleted_by_a_user_is_missing() -> None:
    s = begun()
    s.pass_time(601)
    s.remove(s.list("Job")[0])
    s.run()
    assert "MissingJob" in s.reasons() and "active" not in status(s) and s.list("Job") == []


def test_a_crash_after_the_create_makes_no_second_job() -> None:
    s = begun()
    s.pass_time(601)
    cj = s.get("CronJob", "tick", "default")
    s.put({**cj, "status": {}})  # as if the status had not been written
    s.run()
    assert len(s.list("Job")) == 1 and len(status(s)["active"]) == 1


class Serving(Stage):
    """Gives new Jobs the defaults that the API server gives them."""

    def put(self, obj: dict) -> dict:
        if obj["kind"] == "Job" and "selector" not in obj["spec"]:
            obj = copy.deepcopy(obj)
            obj["metadata"]["uid"] = f"uid-{name_of(obj)}"
            kind = registry.named("Job")
            kind.fill_in(obj)
            kind.prepare(obj, None)
        return super().put(obj)


def test_thirty_days_in_two_seconds() -> None:
    with costs_at_most(2):
        s = Serving(module.reconcile, job.reconcile, ttlafterfinished.reconcile)
        s.now = NOON
        s.put(cronjob("0 */6 * * *", timeZone="Asia/Seoul"))
        for _ in range(30 * 8):  # a pod runs for up to three hours
            s.pass_time(3 * 3600)
            for pod in s.list("Pod"):
                if "status" not in pod:
                    ended = {"exitCode": 0, "finishedAt": timestamp.time(s.now)}
                    containers = [{"name": "c", "state": {"terminated": ended}}]
                    s.put({**pod, "status": {"phase": "Succeeded", "containerStatuses": containers}})
            s.run()
        assert s.reasons().count("SawCompletedJob") == 30 * 4
        assert len(s.list("Job")) == 3 and all(job["status"]["succeeded"] == 1 for job in s.list("Job"))


def test_every_counts_from_the_creation() -> None:
    s = begun("@every 25m")
    s.pass_time(25 * 60 * 3 + 1)
    assert len(s.list("Job")) == 3


def test_a_schedule_that_names_its_time_zone_runs_and_is_warned_of() -> None:
    s = begun("CRON_TZ=Asia/Seoul 0 22 * * *")  # noon and an hour, UTC
    s.pass_time(3700)
    assert [name_of(job) for job in s.list("Job")] == [f"tick-{int(NOON + 3600) // 60}"]
    assert s.told[0] == (
        "Warning",
        "UnsupportedSchedule",
        'CRON_TZ or TZ used in schedule "CRON_TZ=Asia/Seoul 0 22 * * *" is not officially supported, see '
        "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
    )
    s = begun("TZ=Moon/Crater 0 22 * * *")
    why = "provided bad location Moon/Crater: unknown time zone Moon/Crater"
    what = f'unparseable schedule: "TZ=Moon/Crater 0 22 * * *" : {why}'
    assert s.told[-1] == ("Warning", "UnparseableSchedule", what)


def test_a_job_that_may_not_be_deleted_is_told_of() -> None:
    s = begun(successfulJobsHistoryLimit=0)
    s.pass_time(601)
    s.refuse["Delete", "Job"] = ApiError("Forbidden", "no")
    end(s, s.list("Job")[0])
    assert ("Warning", "FailedDelete", "Deleted job: no") in s.told


def test_a_cronjob_that_is_being_deleted_starts_nothing_but_keeps_its_accounts() -> None:
    s = begun()
    s.pass_time(601)
    (one,) = s.list("Job")
    going = {"deletionTimestamp": timestamp.time(s.now), "finalizers": ["foregroundDeletion"]}
    s.change(s.list("CronJob")[0], {"metadata": going})
    s.run()
    end(s, one)
    s.pass_time(3600)
    assert len(s.list("Job")) == 1 and "active" not in status(s)
