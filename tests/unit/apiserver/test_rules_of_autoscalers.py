"""What a HorizontalPodAutoscaler must be like, as a client sees it: its metrics, their targets, and the order of the
causes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, one, told

PATH = "spec.metrics[0]"
TYPES = '"ContainerResource", "External", "Object", "Pods", "Resource"'
UTILIZATION: Obj = {"type": "Utilization", "averageUtilization": 50}
AVERAGE: Obj = {"type": "AverageValue", "averageValue": "1"}


def autoscaler(*metrics: Obj, **spec: Any) -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    given = {"scaleTargetRef": target, "maxReplicas": 3, "metrics": list(metrics), **spec}
    return one("autoscaling/v2", "HorizontalPodAutoscaler", spec=given)


def resource(name: str = "cpu", **target: Any) -> Obj:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


CASES: list[tuple[Obj, list[str]]] = [
    (autoscaler(resource(**UTILIZATION)), []),
    (
        autoscaler({"type": "Resource"}, minReplicas=5),
        [
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
            f"{PATH}.resource: Required value: must populate information for the given metric source",
        ],
    ),
    (
        autoscaler({}),
        [
            f"{PATH}.type: Required value: must specify a metric source type",
            f'{PATH}.type: Unsupported value: "": supported values: {TYPES}',
        ],
    ),
    (
        autoscaler({**resource(**UTILIZATION), "pods": {"metric": {"name": "a"}, "target": AVERAGE}}),
        [f"{PATH}.pods: Forbidden: must populate the given metric source only"],
    ),
    (
        autoscaler(resource(type="Utilization")),
        [
            f"{PATH}.resource.target.averageUtilization: Required value: "
            "must set either a target raw value or a target utilization"
        ],
    ),
    (
        autoscaler(resource(averageValue="0", **UTILIZATION)),
        [
            f'{PATH}.resource.target.averageValue: Invalid value: "0": must be positive',
            f"{PATH}.resource.target.averageValue: Forbidden: "
            "may not set both a target raw value and a target utilization",
        ],
    ),
    (
        autoscaler({"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": "1"}}}),
        [
            f"{PATH}.pods.metric.name: Invalid value: \"a/b\": may not contain '/'",
            f"{PATH}.pods.target.averageValue: Required value: must specify a positive target averageValue",
        ],
    ),
    (
        autoscaler(
            {
                "type": "External",
                "external": {"metric": {"name": "a"}, "target": {"type": "Value", "value": "1", "averageValue": "1"}},
            }
        ),
        [f"{PATH}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"],
    ),
    (
        autoscaler({"type": "Object", "object": {"metric": {}, "describedObject": {"kind": "a"}, "target": {}}}),
        [
            f"{PATH}.object.describedObject.name: Required value",
            f"{PATH}.object.metric.name: Required value: must specify a metric name",
            f"{PATH}.object.target.type: Required value: must specify a metric target type",
            f'{PATH}.object.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
            f"{PATH}.object.target.averageValue: Required value: must set either a target value or averageValue",
        ],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), CASES)
def test_what_an_autoscaler_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert told(given) == wanted
