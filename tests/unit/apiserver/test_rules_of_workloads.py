"""What Deployments, ReplicaSets, DaemonSets and StatefulSets must be like, as a client sees it: the causes, their words
and their order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, changed, one, told

LABELS = {"app": "web"}
POD_SPEC: Obj = {"containers": [{"name": "main", "image": "nginx"}]}
TEMPLATE: Obj = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
MISMATCH = 'Invalid value: {"app":"web"}: `selector` does not match template `labels`'
NEGATIVE = "must be greater than or equal to 0"


def workload(kind: str, **spec: Any) -> Obj:
    return one("apps/v1", kind, spec={"selector": {"matchLabels": LABELS}, "template": TEMPLATE, **spec})


def field_of(cause: str) -> str:
    return cause.partition(": ")[0]


WRONG: dict[str, Any] = {
    "replicas": -1,
    "minReadySeconds": -1,
    "revisionHistoryLimit": -1,
    "selector": {"matchLabels": {"app": "other"}},
    "template": {**TEMPLATE, "spec": {**POD_SPEC, "restartPolicy": "Never", "activeDeadlineSeconds": 5}},
}
LABELS_PATH, POD = "spec.template.metadata.labels", "spec.template.spec"
ORDERS: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "Deployment",
        {"strategy": {"type": "Sudden"}, "progressDeadlineSeconds": -1},
        [
            *("spec.replicas", LABELS_PATH, f"{POD}.restartPolicy", f"{POD}.activeDeadlineSeconds", "spec.strategy"),
            *("spec.minReadySeconds", "spec.revisionHistoryLimit"),
            *("spec.progressDeadlineSeconds", "spec.progressDeadlineSeconds"),
        ],
    ),
    (
        "DaemonSet",
        {"updateStrategy": {"type": "Sudden"}, "replicas": None},
        [
            *(LABELS_PATH, f"{POD}.restartPolicy", f"{POD}.activeDeadlineSeconds", "spec.minReadySeconds"),
            *("spec.updateStrategy", "spec.revisionHistoryLimit"),
        ],
    ),
    (
        "StatefulSet",
        {"podManagementPolicy": "Any", "updateStrategy": {"type": "Sudden"}, "serviceName": "a.b"},
        [
            *("spec.podManagementPolicy", "spec.updateStrategy", "spec.replicas", "spec.minReadySeconds"),
            *("spec.serviceName", LABELS_PATH, f"{POD}.restartPolicy", f"{POD}.activeDeadlineSeconds"),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "fields", "wanted"), ORDERS)
def test_causes_are_told_in_the_order_of_upstream(kind: str, fields: dict[str, Any], wanted: list[str]) -> None:
    spec = {name: value for name, value in {**WRONG, **fields}.items() if value is not None}
    assert [field_of(cause) for cause in told(workload(kind, **spec))] == wanted


NEW: list[tuple[Obj, list[str]]] = [
    (
        workload("StatefulSet", podManagementPolicy="Any", updateStrategy={"type": "Sudden"}),
        [
            "spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'",
            "spec.updateStrategy: Invalid value: {\"type\":\"Sudden\"}: must be 'RollingUpdate' or 'OnDelete'",
        ],
    ),
    (
        changed(workload("StatefulSet"), metadata__name="a.b"),
        ['metadata.name: Invalid value: "a.b": must not contain dots'],
    ),
    (workload("DaemonSet", selector=None), [f"{LABELS_PATH}: {MISMATCH}"]),
    (
        workload("DaemonSet", template=WRONG["template"]),
        [
            f'{POD}.restartPolicy: Unsupported value: "Never": supported values: "Always"',
            f"{POD}.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported",
        ],
    ),
    (
        workload("Deployment", strategy={"rollingUpdate": {"maxUnavailable": "101%", "maxSurge": -1}}),
        [
            f"spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: {NEGATIVE}",
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
        ],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_a_new_workload_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert told(given) == wanted


def test_the_selector_is_for_life_and_told_last() -> None:
    other = {"matchLabels": {"app": "other"}}
    for kind in ("Deployment", "ReplicaSet", "DaemonSet"):
        assert told(workload(kind, selector=other), workload(kind)) == [
            f"{LABELS_PATH}: {MISMATCH}",
            'spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable',
        ]


def test_claim_templates_and_the_service_are_judged_when_they_come() -> None:
    claims = [{"metadata": {"name": "data"}, "spec": {}}]
    (first, *_) = told(workload("StatefulSet", volumeClaimTemplates=claims, serviceName="a.b"))
    assert field_of(first) == "spec.volumeClaimTemplates[0].spec.accessModes"
    new = workload("StatefulSet", volumeClaimTemplates=claims, serviceName="a.b")
    assert [field_of(cause) for cause in told(new, workload("StatefulSet"))] == ["spec"]


STATUS: list[tuple[str, Obj, list[str]]] = [
    (
        "Deployment",
        {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "collisionCount": -1},
        [
            f"status.collisionCount: Invalid value: -1: {NEGATIVE}",
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
        ],
    ),
    (
        "StatefulSet",
        {"replicas": 1, "availableReplicas": 1},
        ["status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas"],
    ),
    ("DaemonSet", {"numberReady": -1}, [f"status.numberReady: Invalid value: -1: {NEGATIVE}"]),
]


@pytest.mark.parametrize(("kind", "status", "wanted"), STATUS)
def test_what_a_status_must_be_like(kind: str, status: Obj, wanted: list[str]) -> None:
    given = workload(kind)
    assert told(changed(given, status=status), given, subresource="status") == wanted
