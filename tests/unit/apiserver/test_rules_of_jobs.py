"""What Jobs and CronJobs must be like, what of a Job may change, and what its status may say, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, changed, collection, created, one, told
from tests.unit.apiserver.world import World, in_world

POD: Obj = {"containers": [{"name": "main", "image": "busybox"}], "restartPolicy": "Never"}
RULE, COUNT = "spec.podFailurePolicy.rules", "spec.successPolicy.rules[0].succeededCount"
TIME, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def job(name: str = "web", **spec: Any) -> Obj:
    return one("batch/v1", "Job", name, spec={"template": {"spec": POD}, **spec})


def indexed(name: str = "web", **spec: Any) -> Obj:
    return job(name, **{"completionMode": "Indexed", "completions": 3, "parallelism": 3, **spec})


def cronjob(name: str = "web", **spec: Any) -> Obj:
    template = {"spec": {"template": {"spec": POD}}}
    return one("batch/v1", "CronJob", name, spec={"schedule": "* * * * *", "jobTemplate": template, **spec})


def failing(*rules: Obj) -> Obj:
    return {"podFailurePolicy": {"rules": list(rules)}}


NEW: list[tuple[Obj, list[str]]] = [
    (
        job(template={"metadata": {"labels": {"job-name": "x"}}, "spec": POD}),
        ["spec.template.metadata.labels[job-name]: Invalid value: "],
    ),
    (
        indexed("x" * 62),
        [f'metadata.name: Invalid value: "{"x" * 62}": will not able to create pod with invalid DNS label: '],
    ),
    (
        indexed(completions=100_001, parallelism=100_001, backoffLimitPerIndex=1),
        [
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
            "Indexed",
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 10000 when completions are above "
            "100000 and used with backoff limit per index",
        ],
    ),
    (job(managedBy=""), ["spec.managedBy: Required value"]),
    (job(managedBy="a.example/"), ['spec.managedBy: Invalid value: "a.example/": must be a domain-prefixed path']),
    (
        job(managedBy=f"a.example/{'x' * 60}"),
        ["spec.managedBy: Too long: may not be more than 63 bytes"],
    ),
    (
        job(**failing({}, {"action": "Explode", "onPodConditions": [{"type": "Ready", "status": "Perhaps"}]})),
        [
            f'{RULE}[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
            f"{RULE}[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
            f'{RULE}[1].action: Unsupported value: "Explode"',
            f'{RULE}[1].onPodConditions[0].status: Unsupported value: "Perhaps"',
        ],
    ),
    (
        job(**failing({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 0, 2]}})),
        [
            f"{RULE}[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
            f"{RULE}[0].onExitCodes.values[2]: Duplicate value: 2",
            f"{RULE}[0].onExitCodes.values: Invalid value: [2,0,2]: must be ordered",
        ],
    ),
    (
        indexed(successPolicy={"rules": [{"succeededCount": 4, "succeededIndexes": "0-1"}]}),
        [
            f"{COUNT}: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)",
            f"{COUNT}: Invalid value: 4: must be less than or equal to 2 (the number of indexes in the specified "
            "succeededIndexes field)",
        ],
    ),
    (
        cronjob("x" * 53, schedule="x", concurrencyPolicy="Never", successfulJobsHistoryLimit=-1),
        [
            "spec.schedule: Invalid value: ",
            'spec.concurrencyPolicy: Unsupported value: "Never": supported values: "Allow", "Forbid", "Replace"',
            "spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
            f'metadata.name: Invalid value: "{"x" * 53}": must be no more than 52 characters',
        ],
    ),
    (
        changed(cronjob(), spec__jobTemplate__spec__selector={"matchLabels": {"a": "b"}}),
        ['spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated'],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_a_new_job_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


def test_a_job_that_names_labels_to_select_by_has_its_own_beside_them() -> None:
    async def test(world: World) -> None:
        given = job(selector={"matchLabels": {"job-name": "web"}})
        made = await created(world, given)
        uid = made["metadata"]["uid"]
        assert made["spec"]["selector"]["matchLabels"] == {
            "job-name": "web",
            "batch.kubernetes.io/controller-uid": uid,
        }

    in_world(test)


async def patched(world: World, obj: Obj, patch: Obj, subresource: str = "") -> list[str]:
    target = f"{collection(obj)}/{obj['metadata']['name']}{subresource}"
    return causes_of(*await world.ask("PATCH", target, patch, content_type="application/merge-patch+json"))


def test_what_of_a_job_may_change() -> None:
    async def test(world: World) -> None:
        given = indexed(suspend=True)
        await created(world, given)
        assert await patched(world, given, {"spec": {"completions": 5, "parallelism": 5}}) == []
        assert await patched(world, given, {"spec": {"completions": 6}}) == [
            "spec.completions: Invalid value: 6: can only be modified in tandem with spec.parallelism"
        ]
        nodes: Obj = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}
        free = {"nodeSelector": {"a": "b"}, "affinity": {"nodeAffinity": nodes}}
        assert await patched(world, given, {"spec": {"template": {"spec": free}}}) == []
        labels = {"metadata": {"annotations": {"a": "b"}}}
        assert await patched(world, given, {"spec": {"template": labels}}) == []
        term = {"topologyKey": "a", "labelSelector": {}}
        fixed = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
        for spec in (fixed, {"priorityClassName": "x"}, {"terminationGracePeriodSeconds": 1}):
            (cause,) = await patched(world, given, {"spec": {"template": {"spec": spec}}})
            assert cause.startswith("spec.template: Invalid value: ")
            assert cause.endswith(": field is immutable")

    in_world(test)


def test_an_old_cronjob_may_keep_what_a_new_one_may_not_have() -> None:
    async def test(world: World) -> None:
        given = cronjob(timeZone="Etc/UTC")
        await created(world, given)
        assert await patched(world, given, {"spec": {"timeZone": "Local"}}) == [
            'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in '
            "https://www.iana.org/time-zones"
        ]
        (cause,) = await patched(world, given, {"spec": {"schedule": "TZ=UTC * * * * *"}})
        assert cause.endswith(": cannot use TZ or CRON_TZ in schedule, use timeZone field instead")

    in_world(test)


def conditions(*kinds: str) -> list[Obj]:
    return [{"type": kind, "status": "True"} for kind in kinds]


DONE: Obj = {
    "conditions": conditions("SuccessCriteriaMet", "Complete"),
    "startTime": TIME,
    "completionTime": LATER,
    "succeeded": 1,
}
CONDITIONS = "status.conditions: Invalid value: "
STATUS: list[tuple[Obj, list[str]]] = [
    (DONE, []),
    ({"conditions": conditions("FailureTarget", "Failed"), "startTime": TIME, "failed": 1}, []),
    (
        {**DONE, "completionTime": None},
        ["status.completionTime: Required value: completionTime is required for Complete jobs"],
    ),
    (
        {**DONE, "startTime": LATER, "completionTime": TIME},
        [f'status.completionTime: Invalid value: "{TIME}": completionTime cannot be set before startTime'],
    ),
    ({**DONE, "active": 1}, ["status.active: Invalid value: 1: active>0 is invalid for finished job"]),
    (
        {"conditions": conditions("Failed")},
        [
            f"{CONDITIONS}cannot set Failed=True condition without the FailureTarget=true condition",
            "status.startTime: Required value: startTime is required for finished job",
        ],
    ),
    (
        {"conditions": conditions("SuccessCriteriaMet", "FailureTarget")},
        [f"{CONDITIONS}cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"],
    ),
    ({"ready": 1}, ["status.ready: Invalid value: 1: cannot set more ready pods than active"]),
    (
        {"completedIndexes": "0"},
        [
            'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed '
            "completion mode"
        ],
    ),
    (
        {"uncountedTerminatedPods": {"succeeded": ["a"], "failed": ["a", ""]}},
        [
            'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
            'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
        ],
    ),
]


@pytest.mark.parametrize(("status", "wanted"), STATUS)
def test_what_the_status_of_a_job_may_say(status: Obj, wanted: list[str]) -> None:
    assert told(changed(job(), status=status), job(), subresource="status") == wanted


def test_what_a_status_said_is_not_taken_back() -> None:
    async def test(world: World) -> None:
        await created(world, job())
        assert await patched(world, job(), {"status": {**DONE, "failed": 1}}, "/status") == []
        assert await patched(world, job(), {"status": {"conditions": [], "failed": 0}}, "/status") == [
            'status.completionTime: Invalid value: "2026-01-01T00:01:00Z": cannot set completionTime when there is no '
            "Complete=True condition",
            f"{CONDITIONS}cannot disable the terminal Complete=True condition",
            "status.failed: Invalid value: 0: cannot decrease the failed counter",
            f"{CONDITIONS}cannot disable the SuccessCriteriaMet=True condition",
        ]

    in_world(test)
