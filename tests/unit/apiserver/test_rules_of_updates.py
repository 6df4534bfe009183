"""Which kinds a client may replace only by saying which version it has seen, and whose changes are counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, after, changed, collection, created, one
from tests.unit.apiserver.world import World, in_world

HOOKS = one("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[])
DRIVER = one("storage.k8s.io/v1", "CSIDriver", "a.example", spec={})
CONDITIONAL: list[Obj] = [
    one("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1}),
    one("coordination.k8s.io/v1", "Lease", spec={}),
    one("node.k8s.io/v1", "RuntimeClass", handler="runc"),
    one("storage.k8s.io/v1", "CSINode", spec={"drivers": []}),
    HOOKS,
    DRIVER,
]


@pytest.mark.parametrize("given", CONDITIONAL, ids=lambda given: str(given["kind"]))
def test_an_update_must_name_the_version_it_has_seen(given: Obj) -> None:
    async def test(world: World) -> None:
        made = await created(world, given)
        target = f"{collection(given)}/{given['metadata']['name']}"
        status, answer = await world.ask("PUT", target, given)
        (cause,) = answer["details"]["causes"]
        assert (status, cause["field"]) == (422, "metadata.resourceVersion")
        assert cause["message"].endswith(": must be specified for an update")
        labelled = changed(made, metadata__labels={"a": "b"})
        status, _ = await world.ask("PUT", target, labelled)
        assert status == 200
        patch: Any = {"metadata": {"labels": {"a": "c"}}}
        status, _ = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
        assert status == 200

    in_world(test)


def test_a_driver_counts_the_changes_of_its_spec() -> None:
    async def test(world: World) -> None:
        made = await created(world, DRIVER)
        assert made["metadata"]["generation"] == 1
        target = f"{collection(DRIVER)}/a.example"
        patch = {"spec": {"requiresRepublish": True}}
        _, now = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
        assert now["metadata"]["generation"] == 2

    in_world(test)


def test_other_kinds_are_replaced_whatever_they_were() -> None:
    given = one("v1", "ConfigMap", data={"a": "b"})
    assert after(changed(given, data={"a": "c"}), given)["data"] == {"a": "c"}
