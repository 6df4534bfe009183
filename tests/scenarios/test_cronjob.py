"""CronJobs in a whole cluster: their Jobs run, are kept as many as wanted, and each time has one."""

from __future__ import annotations

import pytest

from podo.api.meta import annotations_of
from podo.lab import Faults, World
from tests.cpu import costs_at_most


def cronjob(schedule: str, **spec: object) -> dict:
    containers = [{"name": "c", "image": "busybox"}]
    template = {
        "metadata": {"annotations": {"podo.dev/run-seconds": "30"}},
        "spec": {"containers": containers, "restartPolicy": "Never"},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": template}}, **spec},
    }


def test_a_night_in_another_time_zone() -> None:
    with World() as world:
        world.apply(cronjob("0,30 10 * * *", timeZone="Asia/Seoul", successfulJobsHistoryLimit=1))
        world.advance(2 * 3600)
        status = world.get("CronJob", "tick")["status"]
        assert status["lastScheduleTime"] == "2026-01-01T01:30:00Z" and "active" not in status
        assert status["lastSuccessfulTime"] == "2026-01-01T01:30:30Z"
        (job,) = world.list("Job")
        assert len(world.pods()) == 1, "the other Job's pod went with it"
        scheduled = annotations_of(job)["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        assert scheduled == "2026-01-01T10:30:00+09:00"


@pytest.mark.parametrize("seed", range(3))
def test_each_time_once_under_faults(seed: int) -> None:
    with World(seed=seed, faults=Faults(watch_lag=0.4 * seed, errors=0.1, losses=0.1)) as world:
        world.apply(cronjob("*/5 * * * *", successfulJobsHistoryLimit=100))
        world.advance(3600 + 120)
        jobs = world.list("Job")
        assert len(jobs) == 12 and all(job["status"]["succeeded"] == 1 for job in jobs)


def told(world: World) -> list[tuple[str, str, str]]:
    return [(event["type"], event["reason"], event["message"]) for event in world.events("tick")]


def test_a_schedule_that_never_comes_is_told_of() -> None:
    with World() as world:
        world.apply(cronjob("0 0 31 2 *"))
        world.advance(60)
        why = "time difference between two schedules is less than 1 second"
        assert told(world) == [("Warning", "InvalidSchedule", f"invalid schedule: 0 0 31 2 * : {why}")]


def test_thirty_days_take_less_than_two_seconds() -> None:
    with costs_at_most(2), World() as world:
        world.apply(cronjob("0 3 * * *", timeZone="Asia/Seoul"))
        world.advance(30 * 24 * 3600)
        assert world.get("CronJob", "tick")["status"]["lastSuccessfulTime"] == "2026-01-30T18:00:30Z"
        assert len(world.list("Job")) == 3, "the history limit"
