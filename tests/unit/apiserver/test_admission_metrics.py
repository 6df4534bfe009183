"""Admission on the metrics page: steps, plug-ins, webhooks and policies, each write counted once."""

from __future__ import annotations

from typing import Any

from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Webhook
from tests.unit.apiserver.hooks import ALLOWED, configmap, configure, hook, with_hook
from tests.unit.apiserver.policies import DEPLOYMENTS, deployment, enforce, mutating, validating
from tests.unit.apiserver.test_metrics import metrics
from tests.unit.apiserver.world import World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
Found = dict[str, float]


def count(found: Found, family: str, **labels: str) -> float:
    """The sum of all series that have the labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    return sum(
        value for name, value in found.items() if name.split("{")[0] == family and all(w in name for w in wanted)
    )


def test_plug_ins_stand_for_the_writes_that_were_not_timed() -> None:
    async def test(world: World) -> None:
        before = await metrics(world)
        for number in range(20):
            assert (await world.ask("POST", PODS, pod(f"p{number}")))[0] == 201
        lost = {**pod("x"), "metadata": {"name": "x"}}
        assert (await world.ask("POST", "/api/v1/namespaces/none/pods", lost))[0] == 404
        found = await metrics(world)

        def more(family: str, **labels: str) -> float:
            name = f"apiserver_admission_{family}_admission_duration_seconds_count"
            return count(found, name, **labels) - count(before, name, **labels)

        made = {"operation": "CREATE", "rejected": "false"}
        assert more("controller", name="ServiceAccount", type="admit", **made) == 20
        assert more("controller", name="PodSecurity", type="validate", **made) == 20
        assert more("controller", name="NamespaceLifecycle", operation="CREATE", rejected="true") == 1
        assert more("step", type="admit", **made) == more("step", type="validate", **made) == 20
        assert more("step", type="admit", operation="CREATE", rejected="true") == 1

    in_world(test)


def test_webhooks_by_what_they_answered(pki: Pki) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"allowed": False, "status": {"code": 418}} if request["name"] == "bad" else ALLOWED

    async def test(world: World, webhook: Webhook) -> None:
        broken = hook(Webhook(1, ""), name="broken.example.com", failurePolicy="Ignore")
        await configure(world, "Mutating", broken, name="ignored")
        assert (await world.ask("POST", CONFIGMAPS, configmap("good")))[0] == 201
        assert (await world.ask("POST", CONFIGMAPS, configmap("bad")))[0] == 418
        found = await metrics(world)
        prefix, mine = "apiserver_admission_webhook_", {"name": "hook.example.com", "type": "validating"}
        calls = f"{prefix}request_total"
        assert count(found, calls, **mine, operation="CREATE", code="200", rejected="false") == 1
        assert count(found, calls, **mine, operation="CREATE", code="418", rejected="true") == 1
        assert count(found, f"{prefix}admission_duration_seconds_count", **mine) == 2
        refused = {"error_type": "no_error", "rejection_code": "418", "operation": "CREATE"}
        assert count(found, f"{prefix}rejection_count", **mine, **refused) == 1
        ignored = {"name": "broken.example.com", "type": "admit"}
        assert count(found, f"{prefix}fail_open_count", **ignored) == 2
        assert count(found, calls, **ignored, code="500", rejected="false") == 2

    with_hook(pki, "Validating", answer, test)


def test_a_webhook_that_must_answer_and_does_not(pki: Pki) -> None:
    async def test(world: World) -> None:
        fails = hook(Webhook(1, ""), name="f.example.com")
        await configure(world, "Validating", fails)
        assert (await world.ask("POST", CONFIGMAPS, configmap("a")))[0] == 500
        found = await metrics(world)
        why = {"error_type": "calling_webhook_error", "rejection_code": "500", "name": "f.example.com"}
        assert count(found, "apiserver_admission_webhook_rejection_count", **why) == 1
        assert not count(found, "apiserver_admission_webhook_fail_open_count")

    in_world(test)


def test_policies_by_what_became_of_them() -> None:
    async def test(world: World) -> None:
        few = validating("few.example.com", "object.spec.replicas < 5", "object.spec.none == 1")
        await enforce(world, few, "Deny", "Audit")
        await enforce(world, validating("lax", "object.spec.none == 1", failurePolicy="Ignore"), name="lax")
        await enforce(world, mutating("adds", '[JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}]'))
        assert (await world.ask("POST", DEPLOYMENTS, deployment(replicas=9)))[0] == 422
        found = await metrics(world)
        name = "apiserver_validating_admission_policy_check_total"
        mine = {"policy": "few.example.com", "policy_binding": "bound", "error_type": "invalid_error"}
        assert count(found, name, **mine, enforcement_action="deny") == 2
        assert count(found, name, **mine, enforcement_action="audit") == 2
        assert count(found, name, policy="lax", enforcement_action="allow") == 1
        times = "apiserver_validating_admission_policy_check_duration_seconds_count"
        assert count(found, times, policy="few.example.com") == 4
        mutated = "apiserver_mutating_admission_policy_check_total"
        assert count(found, mutated, policy="adds", policy_binding="bound", error_type="no_error") == 1

    in_world(test)
