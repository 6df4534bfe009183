"""A pod whose claims have devices does not start on a node where no driver prepares them, and says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podo.api.parts.podclaims import claim_names
from podo.node.devices import prepare
from podo.node.machine import MachineFailure

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "default", "uid": "pod-1"},
    "spec": {"resourceClaims": [{"name": "a", "resourceClaimName": "mine"}, {"name": "b"}, {"name": "c"}]},
    "status": {"resourceClaimStatuses": [{"name": "b", "resourceClaimName": "p-b-x"}, {"name": "c"}]},
}
RESULT = {"request": "r", "driver": "gpu.example.com", "pool": "n", "device": "d0"}


def claim(*results: dict[str, str], user: str = "pod-1") -> dict[str, Any]:
    users = [{"resource": "pods", "name": "p", "uid": user}]
    status = {"reservedFor": users, "allocation": {"devices": {"results": list(results)}}}
    return {"metadata": {"name": "mine", "namespace": "default", "uid": "claim-1"}, "status": status}


def test_the_claims_that_a_pod_names_and_those_made_for_it() -> None:
    assert list(claim_names(POD)) == ["mine", "p-b-x"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (claim(RESULT), "DRA driver gpu.example.com is not registered"),
        (claim(RESULT, user="other"), "pod p(pod-1) is not allowed to use ResourceClaim mine(claim-1)"),
        (None, 'fetch ResourceClaim mine: resourceclaims.resource.k8s.io "mine" not found'),
    ],
)
def test_what_is_missing_is_told(found: dict[str, Any] | None, why: str) -> None:
    async def fetch(namespace: str, name: str) -> dict[str, Any] | None:
        return found

    with pytest.raises(MachineFailure) as failed:
        asyncio.run(prepare(POD, fetch))
    assert failed.value.reason == "FailedPrepareDynamicResources"
    assert failed.value.message == f"Failed to prepare dynamic resources: prepare dynamic resources: {why}"


def test_claims_without_devices_need_nobody() -> None:
    async def fetch(namespace: str, name: str) -> dict[str, Any]:
        return claim()

    asyncio.run(prepare(POD, fetch))
