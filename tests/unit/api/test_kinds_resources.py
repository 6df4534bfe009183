"""Quality of service, requests as a node counts them, and the Scale of whatever has replicas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api.kind import ScalePaths
from podo.api.kinds.autoscaling.scale import scale_of, set_scale
from podo.api.parts.resources import limits_of, qos_class, requests_of

from .kinddata import container, filled, pod, replicated


def asks(cpu=None, memory=None, **fields):
    wanted = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    return container(fields.pop("name", "web"), resources={"requests": wanted}, **fields)


def limits(**resources):
    return container(resources={"limits": resources})


QOS = [
    (pod(), "BestEffort"),
    (pod([asks(cpu="1")]), "Burstable"),
    (pod([limits(cpu="1")]), "Burstable"),
    (pod([limits(cpu="1", memory="1Gi")]), "Guaranteed"),
    (pod([limits(cpu="1", memory="1Gi"), container("b")]), "Burstable"),
    (pod([limits(cpu="1", memory="1Gi")], initContainers=[container("i")]), "Burstable"),
    (pod([container(resources={"limits": {"example.com/gpu": "1"}})]), "BestEffort"),
    (
        pod([container(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})]),
        "Burstable",
    ),
    (
        pod([container(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m"}})]),
        "Guaranteed",
    ),
]


@pytest.mark.parametrize(("made", "expected"), QOS)
def test_quality_of_service(made, expected):
    assert qos_class(made) == qos_class(filled(made)) == expected


REQUESTS = [
    (pod(), {}),
    (pod([asks("250m", "64Mi"), asks("0.5", name="b")]), {"cpu": 750, "memory": 64 << 20}),
    (pod([asks("100m")], initContainers=[asks("1", name="i")]), {"cpu": 1000}),
    (pod([asks("100m")], initContainers=[asks("50m", name="i")]), {"cpu": 100}),
    (pod([asks("100m")], initContainers=[asks("50m", name="s", restartPolicy="Always")]), {"cpu": 150}),
    (
        pod(
            [asks("100m")],
            initContainers=[asks("50m", name="s", restartPolicy="Always"), asks("200m", name="i")],
        ),
        {"cpu": 250},
    ),
    (
        pod(
            [asks("100m")],
            initContainers=[asks("200m", name="i"), asks("50m", name="s", restartPolicy="Always")],
        ),
        {"cpu": 200},
    ),
    (pod([asks("100m")], overhead={"cpu": "10m", "memory": "1Mi"}), {"cpu": 110, "memory": 1 << 20}),
    (pod([asks("100m")], resources={"requests": {"cpu": "1"}}), {"cpu": 1000}),
]


@pytest.mark.parametrize(("made", "expected"), REQUESTS)
def test_requests_of_a_pod(made, expected):
    assert requests_of(made) == expected


def limited(cpu, name="c", **fields):
    return {"name": name, "image": "busybox", "resources": {"limits": {"cpu": cpu}}, **fields}


LIMITS = [
    (pod([container()]), {}),
    (pod([container()], overhead={"cpu": "10m"}), {}),
    (pod([limited("100m"), limited("50m", name="d")], overhead={"cpu": "10m", "memory": "1Mi"}), {"cpu": 160}),
    (
        pod(
            [limited("100m")],
            initContainers=[limited("50m", name="s", restartPolicy="Always"), limited("200m", name="i")],
        ),
        {"cpu": 250},
    ),
    (pod([limited("100m")], resources={"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}}), {"cpu": 1000}),
]


@pytest.mark.parametrize(("made", "expected"), LIMITS)
def test_limits_of_a_pod(made, expected):
    assert limits_of(made) == expected


AMOUNTS = st.lists(st.integers(0, 4000), max_size=4)


@given(AMOUNTS, AMOUNTS)
def test_a_pod_never_asks_for_less_than_any_moment_of_it_needs(running, first):
    made = pod(
        [asks(f"{m}m", name=f"c{i}") for i, m in enumerate(running)] or [container()],
        initContainers=[asks(f"{m}m", name=f"i{i}") for i, m in enumerate(first)],
    )
    assert requests_of(made).get("cpu", 0) == max(sum(running), *first, 0)


def test_the_scale_of_a_deployment():
    deployment = replicated("Deployment", replicas=3)
    deployment["metadata"].update(uid="u", resourceVersion="7")
    deployment["status"] = {"replicas": 2}
    assert scale_of(deployment, ScalePaths()) == {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "7"},
        "spec": {"replicas": 3},
        "status": {"replicas": 2, "selector": "app=web"},
    }
    set_scale(deployment, {"spec": {"replicas": 5}}, ScalePaths())
    assert deployment["spec"]["replicas"] == 5
    set_scale(deployment, {}, ScalePaths())
    assert deployment["spec"]["replicas"] == 0


def test_the_scale_of_what_has_a_plain_map_as_selector():
    controller = {"metadata": {"name": "rc"}, "spec": {"replicas": 1, "selector": {"b": "2", "a": "1"}}}
    assert scale_of(controller, ScalePaths())["status"] == {"replicas": 0, "selector": "a=1,b=2"}
