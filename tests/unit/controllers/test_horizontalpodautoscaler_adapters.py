"""Metrics of adapters: which requests tell them, and what the answers say."""

from __future__ import annotations

from typing import Any

import pytest

from podo.controllers.horizontalpodautoscaler.adapters import AdapterValues, NotYet
from podo.controllers.horizontalpodautoscaler.measuring import NoMetrics, Tolerance
from podo.controllers.horizontalpodautoscaler.metrics import Workload, said

Obj = dict[str, Any]
CUSTOM, EXTERNAL = "/apis/custom.metrics.k8s.io/v1beta2", "/apis/external.metrics.k8s.io/v1beta1"
AT = "2026-01-01T00:00:00Z"


def pod(name: str) -> Obj:
    labels = {"app": "web", "pod": name}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": AT}]}
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}, "spec": {}, "status": status}


def workload(answers: dict[str, Obj], current: int = 2) -> Workload:
    def ask(target: str) -> Obj:
        if target not in answers:
            raise NoMetrics(f"nobody answers {target}")
        return answers[target]

    pods = [pod(f"web-{n}") for n in range(current)]
    return Workload("default", current, current, pods, {}, AdapterValues(ask), Tolerance(), 1_767_225_600.0)


def value(name: str, amount: str, kind: str = "Pod") -> Obj:
    return {"describedObject": {"kind": kind, "name": name}, "timestamp": AT, "value": amount}


def test_a_metric_of_pods_is_an_average() -> None:
    found = said(
        {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"averageValue": "10"}}},
        workload(
            {
                f"{CUSTOM}/namespaces/default/pods/*/requests?labelSelector=app%3Dweb": {
                    "items": [value("web-0", "15"), value("web-1", "25"), value("not-ours", "1000")]
                }
            }
        ),
    )
    assert (found.replicas, found.name) == (4, "pods metric requests")
    assert found.status["pods"]["current"] == {"averageValue": "20"}


def test_a_metric_of_another_object_is_for_the_whole_workload() -> None:
    described = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"}
    selector = {"matchLabels": {"verb": "GET"}}
    source = {"metric": {"name": "hits", "selector": selector}, "describedObject": described}
    path = f"{CUSTOM}/namespaces/default/ingresses.networking.k8s.io/main/hits?metricLabelSelector=verb%3DGET"
    answers = {path: {"items": [value("main", "2500m", "Ingress")]}}
    found = said({"type": "Object", "object": {**source, "target": {"value": "1"}}}, workload(answers))
    assert (found.replicas, found.name) == (5, "Ingress metric hits")
    assert found.status["object"]["current"] == {"value": "2500m"}
    found = said({"type": "Object", "object": {**source, "target": {"averageValue": "500m"}}}, workload(answers))
    assert (found.replicas, found.status["object"]["current"]) == (5, {"averageValue": "1250m"})


def test_an_external_metric_is_the_sum_of_its_values() -> None:
    source = {"metric": {"name": "queue", "selector": {"matchLabels": {"topic": "mail"}}}, "target": {"value": "30"}}
    path = f"{EXTERNAL}/namespaces/default/queue?labelSelector=topic%3Dmail"
    answers = {path: {"items": [{"value": "50"}, {"value": "40"}]}}
    found = said({"type": "External", "external": source}, workload(answers))
    selector = (
        "&LabelSelector{MatchLabels:map[string]string{topic: mail,},MatchExpressions:[]LabelSelectorRequirement{},}"
    )
    assert (found.replicas, found.name) == (6, f"external metric queue({selector})")
    with pytest.raises(NoMetrics, match=r"no metrics returned from external metrics API$"):
        said({"type": "External", "external": source}, workload({path: {"items": []}}))


def test_why_an_adapter_says_nothing_is_told_and_an_answer_to_come_is_no_failure() -> None:
    metric = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"value": "30"}}}
    with pytest.raises(
        NoMetrics, match=r"^unable to get external metric default/queue/nil: unable to fetch .* API: nobody"
    ):
        said(metric, workload({}))

    def ask(target: str) -> Obj:
        raise NotYet("asked")

    with pytest.raises(NotYet):
        said(metric, Workload("default", 1, 1, [], {}, AdapterValues(ask), Tolerance(), 0.0))
