"""Autoscalers in a whole cluster: they follow what pods use, by podo's own measurements, at the pace they may."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.meta import condition_of, name_of
from podo.lab import Faults, World

Obj = dict[str, Any]


def deployment(replicas: int = 2, cpu: str = "100m", **requests: str) -> Obj:
    containers = [{"name": "web", "image": "nginx", "resources": {"requests": requests or {"cpu": "200m"}}}]
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels, "annotations": {"podo.dev/cpu": cpu, "podo.dev/memory": "64Mi"}},
        "spec": {"containers": containers},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def autoscaler(least: int = 1, most: int = 10, **spec: Any) -> Obj:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": least,
            "maxReplicas": most,
            **spec,
        },
    }


def resource(**target: Any) -> list[Obj]:
    kind = "Utilization" if "averageUtilization" in target else "AverageValue"
    return [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": kind, **target}}}]


def load(world: World, cpu: str) -> None:
    """From now on each pod of web uses this much."""
    for pod in world.pods():
        metadata = {"name": name_of(pod), "annotations": {"podo.dev/cpu": cpu}}
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]})


def replicas(world: World) -> int:
    return int(world.get("Deployment", "web")["spec"]["replicas"])


def condition(world: World, kind: str) -> Obj:
    return condition_of(world.get("HorizontalPodAutoscaler", "web"), kind) or {}


def test_it_grows_with_the_load_and_shrinks_when_five_minutes_have_been_quiet() -> None:
    with World(nodes=2) as world:
        world.apply(deployment(cpu="180m"))
        world.apply(autoscaler(metrics=resource(averageUtilization=50)))
        world.wait_until(lambda: replicas(world) == 4, within=90)
        assert any(
            event["reason"] == "SuccessfulRescale"
            and event["message"] == "New size: 4; reason: cpu resource utilization (percentage of request) above target"
            for event in world.events("web")
        )
        assert condition(world, "ScalingActive")["reason"] == "ValidMetricFound"
        world.wait_until(lambda: replicas(world) == 8, within=120)
        grown = world.now
        load(world, "20m")
        world.advance(240)
        assert replicas(world) >= 8, "no replica goes before the window of five minutes has passed"
        assert condition(world, "AbleToScale")["reason"] == "ScaleDownStabilized"
        world.wait_until(lambda: replicas(world) < 8, within=200)
        assert world.now - grown > 290
        status = world.get("HorizontalPodAutoscaler", "web")["status"]
        assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 10


def test_what_is_wanted_is_bounded_and_says_so() -> None:
    with World() as world:
        world.apply(deployment(replicas=3, cpu="400m"))
        world.apply(autoscaler(most=4, metrics=resource(averageValue="50m")))
        world.wait_until(lambda: replicas(world) == 4, within=90)
        world.wait_until(lambda: condition(world, "ScalingLimited").get("reason") == "TooManyReplicas", within=60)
        limited = condition(world, "ScalingLimited")
        assert limited["message"] == "the desired replica count is more than the maximum replica count"


def test_too_many_or_too_few_from_the_start() -> None:
    with World() as world:
        world.apply(deployment(replicas=6, cpu="0"))
        world.apply(autoscaler(least=2, most=3, metrics=resource(averageUtilization=50)))
        world.wait_until(lambda: replicas(world) == 3, within=20)
        assert any("above Spec.MaxReplicas" in event["message"] for event in world.events("web"))


def told(world: World, reason: str) -> int:
    """How often the autoscaler said so."""
    found = (each for each in world.events("web") if each["involvedObject"]["kind"] == "HorizontalPodAutoscaler")
    return sum(int(each.get("count") or 1) for each in found if each["reason"] == reason)


def test_it_looks_every_fifteen_seconds_whatever_happens_meanwhile() -> None:
    with World() as world:
        world.apply(deployment(memory="64Mi"))
        world.apply(autoscaler(metrics=resource(averageUtilization=50)))
        world.advance(14)
        assert told(world, "FailedGetResourceMetric") == 0, "it has yet to look the first time"
        world.advance(2)
        assert told(world, "FailedGetResourceMetric") == 1
        for size in (3, 5, 2):
            world.apply(deployment(replicas=size, memory="64Mi"))
            world.advance(3)
        assert told(world, "FailedGetResourceMetric") == 1, "what its target does is no reason to look"
        world.apply(autoscaler(least=4))
        world.advance(3)
        assert replicas(world) == 2, "neither is a changed spec"
        world.wait_until(lambda: replicas(world) == 4, within=4)


def test_what_it_may_not_do_it_tries_no_sooner_again() -> None:
    with World() as world:
        world.apply(farms(maximum=2))
        world.wait_for("CustomResourceDefinition", "farms.example.com", condition="Established")
        world.apply({"apiVersion": "example.com/v1", "kind": "Farm", "metadata": {"name": "web"}, "spec": {"size": 1}})
        world.apply(autoscaler_of_farm(least=3))
        world.advance(76)
        assert told(world, "FailedRescale") == 5
        assert condition(world, "AbleToScale")["reason"] == "FailedUpdateScale"


def test_a_behaviour_slows_growth_and_forbids_shrinking() -> None:
    behavior = {
        "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
        "scaleDown": {"selectPolicy": "Disabled"},
    }
    with World() as world:
        world.apply(deployment(replicas=1, cpu="190m"))
        world.apply(autoscaler(metrics=resource(averageUtilization=20), behavior=behavior))
        world.wait_until(lambda: replicas(world) == 2, within=60)
        world.advance(50)
        assert replicas(world) == 2
        assert condition(world, "ScalingLimited")["reason"] == "ScaleUpLimit"
        world.wait_until(lambda: replicas(world) == 3, within=30)
        load(world, "1m")
        world.advance(900)
        assert replicas(world) >= 3


def test_pods_without_requests_cannot_be_compared_with_them() -> None:
    with World() as world:
        world.apply(deployment(memory="64Mi"))
        world.apply(autoscaler(metrics=resource(averageUtilization=50)))
        world.wait_until(lambda: condition(world, "ScalingActive").get("status") == "False", within=60)
        world.wait_until(lambda: "missing request for cpu" in condition(world, "ScalingActive")["message"], within=60)
        assert condition(world, "ScalingActive")["reason"] == "FailedGetResourceMetric"
        assert replicas(world) == 2


def test_a_target_that_is_not_there_or_stands_at_zero() -> None:
    with World() as world:
        world.apply(autoscaler())
        world.wait_until(lambda: condition(world, "AbleToScale").get("reason") == "FailedGetScale", within=30)
        assert 'deployments.apps "web" not found' in condition(world, "AbleToScale")["message"]
        world.apply(deployment(replicas=0))
        world.wait_until(lambda: condition(world, "ScalingActive").get("reason") == "ScalingDisabled", within=30)
        assert replicas(world) == 0


def test_metrics_of_ones_own_need_somebody_who_serves_them() -> None:
    metric = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    with World() as world:
        world.apply(deployment())
        world.apply(autoscaler(metrics=[{"type": "External", "external": metric}]))
        world.wait_until(lambda: condition(world, "ScalingActive").get("status") == "False", within=30)
        why = condition(world, "ScalingActive")["message"]
        assert why.endswith("from external metrics API: the server could not find the requested resource")


@pytest.mark.parametrize("seed", range(2))
def test_it_gets_there_under_faults_and_then_rests(seed: int) -> None:
    faults = Faults(watch_lag=0.5 * seed, errors=0.1, losses=0.1)
    with World(nodes=2, seed=seed, faults=faults) as world:
        world.apply(deployment(replicas=1, cpu="100m"))
        world.apply(autoscaler(metrics=resource(averageValue="50m"), most=6))
        world.wait_until(lambda: replicas(world) == 6, within=240)
        load(world, "50m")
        world.advance(1200)
        assert replicas(world) == 6


def test_what_is_found_counts_as_recommended_before_anything_shrinks() -> None:
    with World(nodes=2) as world:
        world.apply(deployment(replicas=5, cpu="1m"))
        world.wait_for("Deployment", "web", condition="Available")
        world.apply(autoscaler(metrics=resource(averageUtilization=50)))
        world.advance(280)
        assert replicas(world) == 5
        world.wait_until(lambda: replicas(world) == 1, within=60)


def test_two_autoscalers_of_the_same_pods_stand_still_and_say_so() -> None:
    with World() as world:
        world.apply(deployment(cpu="180m"))
        for name in ("one", "two"):
            made = autoscaler(metrics=resource(averageUtilization=50))
            world.apply({**made, "metadata": {"name": name}})
        text = "pods by selector app=web are controlled by multiple HPAs: [default/one default/two]"

        def found(name: str) -> Obj:
            return condition_of(world.get("HorizontalPodAutoscaler", name), "ScalingActive") or {}

        world.wait_until(lambda: found("two").get("message") == text, within=60)
        world.advance(120)
        assert found("two")["reason"] == "AmbiguousSelector" and replicas(world) == 2
        assert {"AmbiguousSelector", "FailedComputeMetricsReplicas"} <= {e["reason"] for e in world.events("two")}


def test_a_sum_says_which_metric_failed() -> None:
    with World() as world:
        world.apply(deployment(memory="64Mi"))
        world.apply(autoscaler(metrics=resource(averageUtilization=50)))
        start = (
            "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: "
            "failed to get cpu utilization: missing request for cpu in container web of Pod web-"
        )
        world.wait_until(lambda: any(e["message"].startswith(start) for e in world.events("web")), within=90)


def farms(**size: Any) -> Obj:
    """A kind with a scale subresource; ``size``: what its schema says of it."""
    properties = {"spec": {"type": "object", "properties": {"size": {"type": "integer", **size}}}}
    status = {"type": "object", "properties": {"size": {"type": "integer"}, "labels": {"type": "string"}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {**properties, "status": status}}}
    scale = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.labels",
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "farms", "singular": "farm", "kind": "Farm"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "farms.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [{**version, "subresources": {"status": {}, "scale": scale}}],
        },
    }


def autoscaler_of_farm(least: int) -> Obj:
    made = autoscaler(least=least, metrics=resource(averageUtilization=50))
    made["spec"]["scaleTargetRef"] = {"apiVersion": "example.com/v1", "kind": "Farm", "name": "web"}
    return made


def test_a_custom_kind_with_a_scale_is_scaled() -> None:
    with World() as world:
        world.apply(farms())
        world.wait_for("CustomResourceDefinition", "farms.example.com", condition="Established")
        world.apply({"apiVersion": "example.com/v1", "kind": "Farm", "metadata": {"name": "web"}, "spec": {"size": 1}})
        world.apply(autoscaler_of_farm(least=3))
        world.wait_until(lambda: world.get("Farm", "web")["spec"]["size"] == 3, within=60)
        world.wait_until(lambda: condition(world, "ScalingActive").get("reason") == "InvalidSelector", within=60)
