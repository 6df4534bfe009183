"""What the scheduler cannot judge yet is not ignored: the pod waits and says why."""

from __future__ import annotations

from typing import Any

import pytest

from podo.lab import World

SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx"}
    spec = {"containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "demand"),
    [
        (
            {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}},
            "podAntiAffinity",
        ),
        ({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}}, "podAffinity"),
        ({"topologySpreadConstraints": [{**SPREAD, "labelSelector": {}}]}, "topologySpreadConstraints"),
        ({"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}, "resourceClaims"),
    ],
)
def test_a_demand_that_cannot_be_judged_keeps_the_pod_waiting(spec: dict[str, Any], demand: str) -> None:
    with World(nodes=2, seed=1) as world:
        world.apply(pod(**spec))

        def said() -> str:
            conditions = world.get("Pod", "p")["status"]["conditions"]
            return str(next(c["message"] for c in conditions if c["type"] == "PodScheduled"))

        assert demand in world.wait_until(said, within=30)
        assert "does not support yet" in said()


def test_what_is_only_preferred_does_not_stop_it() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}]}
    soft = {**SPREAD, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    with World(nodes=2, seed=1) as world:
        world.apply(pod(affinity={"podAntiAffinity": preferred}, topologySpreadConstraints=[soft]))
        world.wait_for("Pod", "p", condition="Ready", within=30)
