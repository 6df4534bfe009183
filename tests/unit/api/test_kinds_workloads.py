"""Defaults, rules and columns of the workload kinds, and what the server sets itself."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api import registry
from podo.api.metadata_rules import problems_of
from podo.api.parts.indexes import IndexesError, parse, text_of

from .kinddata import container, filled, kind_of, obj, wrong

LABELS = {"app": "web"}


def workload(kind: str, **spec: Any) -> dict:
    template = {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container()]}}
    return obj(kind, spec={"selector": {"matchLabels": dict(LABELS)}, "template": template, **spec})


def job(**spec: Any) -> dict:
    made = obj("Job", spec={"template": {"spec": {"containers": [container()], "restartPolicy": "Never"}}, **spec})
    made["metadata"]["uid"] = "u1"
    return made


def prepared(given: dict, old: dict | None = None) -> dict:
    made = filled(given)
    kind_of(made).prepare(made, old)
    return made


def wrong_job(old: dict | None = None, **spec: Any) -> list[str]:
    made = prepared(job(**spec))
    return [str(problem) for problem in problems_of(kind_of(made), made, old)]


def cells(given: dict, now: float = 0.0) -> dict[str, Any]:
    return {column.name: column.cell(given, now) for column in kind_of(given).columns}


def test_daemonset_defaults_and_columns() -> None:
    made = prepared(workload("DaemonSet"))
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    assert made["spec"]["updateStrategy"] == rolling and made["spec"]["revisionHistoryLimit"] == 10
    assert made["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "1"}
    made["status"] = {"desiredNumberScheduled": 3, "numberReady": 2}
    found = cells(made)
    assert (found["Desired"], found["Ready"], found["Node Selector"]) == (3, 2, "<none>")


def test_a_changed_template_raises_the_generation_of_a_daemonset() -> None:
    old = prepared(workload("DaemonSet"))
    new = filled(workload("DaemonSet"))
    kind_of(new).prepare(new, old)
    assert new["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    kind_of(new).prepare(new, old)
    assert new["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "2"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        (
            {"updateStrategy": {"rollingUpdate": {"maxSurge": 1}}},
            ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
             "non-zero"],
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
            ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
        ),
        (
            {"updateStrategy": {"type": "Recreate"}},
            ['spec.updateStrategy: Unsupported value: {"type":"Recreate"}: '
             'supported values: "RollingUpdate", "OnDelete"'],
        ),
        (
            {"selector": {}},
            ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"],
        ),
        (
            {"selector": {"matchLabels": {"app": "x"}}},
            ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template '
             "`labels`"],
        ),
    ],
)  # fmt: skip
def test_daemonset_rules(spec: dict, expected: list[str]) -> None:
    assert wrong(workload("DaemonSet", **spec)) == expected


def test_a_controllerrevision_keeps_its_data() -> None:
    revision = obj("ControllerRevision", data={"spec": {}}, revision=1)
    assert wrong(revision) == []
    assert wrong({**revision, "revision": 2}, revision) == []
    assert wrong({**revision, "data": {}}, revision) == ["data: Invalid value: {}: field is immutable"]
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": True}
    revision["metadata"]["ownerReferences"] = [owner]
    assert cells(revision)["Controller"] == "daemonset.apps/agent"


def test_job_defaults() -> None:
    spec = prepared(job())["spec"]
    expected = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}},
    }
    assert expected.items() <= spec.items()
    labels = {"batch.kubernetes.io/controller-uid": "u1", "batch.kubernetes.io/job-name": "web"}
    assert spec["template"]["metadata"]["labels"] == {**labels, "controller-uid": "u1", "job-name": "web"}
    assert "completions" not in prepared(job(parallelism=3))["spec"]
    indexed = prepared(job(completionMode="Indexed", completions=3, backoffLimitPerIndex=1))["spec"]
    assert indexed["backoffLimit"] == 2**31 - 1 and indexed["parallelism"] == 1


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ""),
        ({"completions": -1}, "spec.completions: Invalid value: -1: must be greater than or equal to 0"),
        ({"completionMode": "Indexed", "parallelism": 1}, "spec.completions: Required value: when completion mode is"),
        ({"backoffLimitPerIndex": 1}, "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        ({"managedBy": "me"}, 'spec.managedBy: Invalid value: "me": must be a domain-prefixed path'),
        ({"podReplacementPolicy": "Never"}, 'spec.podReplacementPolicy: Unsupported value: "Never"'),
        ({"successPolicy": {"rules": []}}, 'spec.successPolicy: Invalid value: {"rules":[]}: requires indexed'),
        ({"podFailurePolicy": {"rules": [{"action": "FailJob"}]}}, "spec.podFailurePolicy.rules[0]: Invalid value"),
        (
            {"podFailurePolicy": {"rules": [{"action": "Count", "onExitCodes": {"operator": "In", "values": [0]}}]}},
            "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            {"selector": {"matchLabels": {"a": "b"}}},
            'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":',
        ),
    ],
)
def test_job_rules(spec: dict, expected: str) -> None:
    found = wrong_job(**spec)
    assert found[0].startswith(expected) if expected else found == []


def test_a_jobs_pods_must_come_to_an_end() -> None:
    spec = {"template": {"spec": {"containers": [container()]}}}
    assert wrong_job(**spec) == ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']


def test_what_of_a_job_may_change() -> None:
    old = prepared(job(completionMode="Indexed", completions=3, parallelism=3))
    assert wrong_job(old, completionMode="Indexed", completions=5, parallelism=5) == []
    assert wrong_job(old, completionMode="Indexed", completions=5, parallelism=2)[0].startswith("spec.completions: ")
    assert wrong_job(prepared(job(completions=3)), completions=4) == [
        "spec.completions: Invalid value: 4: field is immutable"
    ]
    assert wrong_job(prepared(job(parallelism=3)), parallelism=0, suspend=True) == []
    suspended = prepared(job(suspend=True))
    directed = {"spec": {**job()["spec"]["template"]["spec"], "nodeSelector": {"a": "b"}}}
    assert wrong_job(suspended, template=directed) == []
    assert "spec.template" in wrong_job(prepared(job()), template=directed)[0]


@pytest.mark.parametrize(
    ("spec", "status", "shown"),
    [
        ({}, {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}, ("Complete", "1/1")),
        ({"parallelism": 3}, {}, ("Running", "0/1 of 3")),
        ({"completions": 4}, {"conditions": [{"type": "Suspended", "status": "True"}]}, ("Suspended", "0/4")),
    ],
)
def test_job_columns(spec: dict, status: dict, shown: tuple[str, str]) -> None:
    found = cells({**prepared(job(**spec)), "status": status})
    assert (found["Status"], found["Completions"]) == shown


def test_job_duration() -> None:
    status = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:07Z"}
    assert cells({**prepared(job()), "status": status})["Duration"] == "7s"


def cronjob(**spec: Any) -> dict:
    given = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job()["spec"]}, **spec}
    return obj("CronJob", spec=given)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"schedule": ""}, ["spec.schedule: Required value"]),
        (
            {"schedule": "TZ=UTC 0 3 * * *"},
            ['spec.schedule: Invalid value: "TZ=UTC 0 3 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone '
             "field instead"],
        ),
        (
            {"schedule": "0 3 * *"},
            ['spec.schedule: Invalid value: "0 3 * *": expected exactly 5 fields, found 4: [0 3 * *]'],
        ),
        ({"timeZone": "Mars/Base"}, ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base']),
        (
            {"concurrencyPolicy": "Maybe"},
            ['spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"'],
        ),
    ],
)  # fmt: skip
def test_cronjob_rules(spec: dict, expected: list[str]) -> None:
    assert wrong(cronjob(**spec)) == expected


def test_cronjob_names_leave_room_for_their_jobs() -> None:
    given = cronjob()
    given["metadata"]["name"] = "x" * 53
    assert "must be no more than 52 characters" in wrong(given)[0]


def test_cronjob_columns() -> None:
    made = filled(cronjob())
    made["status"] = {"active": [{"name": "a"}], "lastScheduleTime": "1970-01-01T00:00:00Z"}
    found = cells(made, 90.0)
    shown = [found[name] for name in ("Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Selector")]
    assert shown == ["0 3 * * *", "<none>", "False", 1, "90s", "<none>"]


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def test_statefulset_defaults() -> None:
    template = {"metadata": {"name": "data"}, "spec": dict(CLAIM)}
    spec = filled(workload("StatefulSet", volumeClaimTemplates=[template]))["spec"]
    expected = {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "revisionHistoryLimit": 10,
    }
    assert expected.items() <= spec.items()
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["kind"] == "PersistentVolumeClaim" and claim["spec"]["volumeMode"] == "Filesystem"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"podManagementPolicy": "Random"}, "spec.podManagementPolicy"),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": -1}}},
         "spec.updateStrategy.rollingUpdate.partition"),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}},
         "spec.updateStrategy.rollingUpdate.maxUnavailable"),
        ({"ordinals": {"start": -1}}, "spec.ordinals.start"),
        ({"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}},
         "spec.persistentVolumeClaimRetentionPolicy.whenScaled"),
        ({"volumeClaimTemplates": [{"spec": {}}]}, "spec.volumeClaimTemplates[0].spec.accessModes"),
    ],
)  # fmt: skip
def test_statefulset_rules(spec: dict, path: str) -> None:
    assert wrong(workload("StatefulSet", **spec))[0].startswith(f"{path}: ")


def test_what_of_a_statefulset_may_change() -> None:
    old = workload("StatefulSet")
    assert wrong(workload("StatefulSet", replicas=5, minReadySeconds=3), old) == []
    assert wrong(workload("StatefulSet", serviceName="x"), old)[0].startswith("spec: Forbidden: updates to statefulset")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"accessModes": []}, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        ({"resources": {}}, ["spec.resources[storage]: Required value"]),
        (
            {"resources": {"requests": {"storage": "0"}}},
            ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
        ),
    ],
)
def test_claim_rules(spec: dict, expected: list[str]) -> None:
    assert wrong(obj("PersistentVolumeClaim", spec={**CLAIM, **spec})) == expected


def test_a_claim_keeps_its_spec_but_for_binding_and_growing() -> None:
    old = obj("PersistentVolumeClaim", spec=dict(CLAIM))
    bound = obj("PersistentVolumeClaim", spec={**CLAIM, "volumeName": "disk"}, status={"phase": "Bound"})
    assert wrong(bound, old) == []
    larger = {"requests": {"storage": "2Gi"}}
    assert wrong(obj("PersistentVolumeClaim", spec={**bound["spec"], "resources": larger}), bound) == []
    assert wrong(obj("PersistentVolumeClaim", spec={**CLAIM, "resources": larger}), old)[0].startswith("spec: Forb")
    assert wrong(obj("PersistentVolumeClaim", spec={**bound["spec"], "volumeName": "other"}), bound)


def test_volumes_classes_and_budgets() -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"]}
    assert wrong(obj("PersistentVolume", spec=spec)) == ["spec: Required value: must specify a volume type"]
    two = {"awsElasticBlockStore": {"volumeID": "vol-1"}, "hostPath": {"path": "/tmp/data"}}
    more = "spec.awsElasticBlockStore: Forbidden: may not specify more than 1 volume type"
    assert wrong(obj("PersistentVolume", spec={**spec, **two})) == [more]
    driven = {"nodePublishSecretRef": {"name": "key"}}
    assert wrong(obj("PersistentVolume", spec={**spec, "csi": driven})) == [
        "spec.csi.driver: Required value",
        "spec.csi.volumeHandle: Required value",
        "spec.csi.nodePublishSecretRef.namespace: Required value",
    ]
    volume = filled(obj("PersistentVolume", spec={**spec, "hostPath": {"path": "/x"}}))
    assert wrong(volume) == [] and cells(volume)["Access Modes"] == "RWX"
    given = obj("StorageClass", "fast", provisioner="x.io/disk")
    given["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert wrong(given) == [] and cells(filled(given))["Name"] == "fast (default)"
    assert wrong({**given, "provisioner": "y.io/disk"}, given) == [
        "provisioner: Forbidden: updates to provisioner are forbidden."
    ]
    both = obj("PodDisruptionBudget", spec={"minAvailable": 1, "maxUnavailable": 1})
    assert "minAvailable and maxUnavailable cannot be both set" in wrong(both)[0]
    assert cells(filled(obj("PodDisruptionBudget", spec={"minAvailable": "50%"})))["Max Unavailable"] == "N/A"


def test_replicationcontroller_and_podtemplate() -> None:
    template = {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container()]}}
    rc = filled(obj("ReplicationController", spec={"template": template}))
    assert rc["spec"]["selector"] == rc["metadata"]["labels"] == LABELS and wrong(rc) == []
    rc["spec"]["selector"] = {"app": "x"}
    assert "`selector` does not match template `labels`" in wrong(rc)[0]
    made = filled(obj("PodTemplate", template=template))
    assert wrong(made) == [] and cells(made)["Pod Labels"] == "app=web"


@pytest.mark.parametrize("text", ["", "0", "0,1", "1,3-5,7", "0-2,4", "0,1,3,4,6-8"])
def test_indexes_there_and_back(text: str) -> None:
    assert text_of(parse(text)) == text


@pytest.mark.parametrize("text", ["x", "3-1", "1,1", "5-", "2,1", "10"])
def test_wrong_indexes(text: str) -> None:
    with pytest.raises(IndexesError):
        parse(text, below=10)


OWN = (
    *("ControllerRevision", "CronJob", "DaemonSet", "Job", "PersistentVolume", "PersistentVolumeClaim"),
    *("PodDisruptionBudget", "PodTemplate", "ReplicationController", "StatefulSet", "StorageClass"),
)


@pytest.mark.parametrize("name", OWN)
def test_an_empty_object_has_problems_and_breaks_nothing(name: str) -> None:
    kind = registry.named(name)
    made = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x", "uid": "u"}}
    kind.fill_in(made)
    kind.prepare(made, None)
    assert list(kind.problems(made, None)) or name == "PodDisruptionBudget"
    for column in kind.columns:
        column.cell(made, 0.0)
