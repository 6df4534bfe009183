"""Namespaces: what is in a deleted one goes first, and the default service account is always there."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.errors import ApiError
from podo.api.meta import condition_of, name_of
from podo.lab import Faults, World
from podo.values import timestamp
from tests.scenarios.auditing import audited


def namespace(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def in_namespace(kind: str, name: str, **fields: object) -> dict:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **fields}}


def test_everything_in_it_goes_with_it() -> None:
    with World() as world:
        world.apply(namespace("team"))
        pod = {"spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}]}}
        world.apply({**in_namespace("Pod", "web"), **pod}, "team")
        world.apply([in_namespace("ConfigMap", f"c{number}") for number in range(20)], "team")
        world.settle()
        world.delete("Namespace", "team")
        world.wait_until(lambda: "team" not in [name_of(n) for n in world.list("Namespace")])
        for kind in ("Pod", "ConfigMap", "ServiceAccount", "Secret"):
            assert world.list(kind, "team") == []


def test_it_says_what_holds_it_up() -> None:
    with World() as world:
        world.apply(namespace("team"))
        world.apply(in_namespace("ConfigMap", "held", finalizers=["example.com/hold"]), "team")
        world.settle()
        world.delete("Namespace", "team")
        world.settle()
        held = world.get("Namespace", "team")
        assert held["status"]["phase"] == "Terminating"
        remaining = condition_of(held, "NamespaceContentRemaining")
        assert remaining and remaining["status"] == "True"
        assert remaining["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
        finalizers = condition_of(held, "NamespaceFinalizersRemaining")
        assert finalizers and "example.com/hold in 1 resource instances" in finalizers["message"]
        with pytest.raises(ApiError, match="because it is being terminated"):
            world.apply(in_namespace("ConfigMap", "late"), "team")
        world.run(world.client.patch("ConfigMap", "held", "team", patch={"metadata": {"finalizers": None}}))
        world.wait_until(lambda: "team" not in [name_of(n) for n in world.list("Namespace")])


def test_what_pods_use_stays_until_they_have_ended() -> None:
    with World() as world:
        world.apply(namespace("team"))
        pod = {"spec": {"containers": [{"name": "c", "image": "nginx:1.14.2"}]}}
        world.apply({**in_namespace("Pod", "web", finalizers=["example.com/hold"]), **pod}, "team")
        world.apply(in_namespace("ConfigMap", "used"), "team")
        world.settle()
        world.delete("Namespace", "team")
        world.advance(60)
        assert "used" in [name_of(one) for one in world.list("ConfigMap", "team")]
        world.run(world.client.patch("Pod", "web", "team", patch={"metadata": {"finalizers": None}}))
        world.wait_until(lambda: "team" not in [name_of(n) for n in world.list("Namespace")])


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx"}], "terminationGracePeriodSeconds": 300},
}
SELECTOR = {"matchLabels": {"app": "web"}}
WORKLOADS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("apps/v1", "Deployment", {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}),
    ("apps/v1", "ReplicaSet", {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}),
    ("apps/v1", "DaemonSet", {"selector": SELECTOR, "template": TEMPLATE}),
    ("apps/v1", "StatefulSet", {"replicas": 3, "serviceName": "web", "selector": SELECTOR, "template": TEMPLATE}),
    (
        "batch/v1",
        "Job",
        {
            "parallelism": 2,
            "completions": 9,
            "template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}},
        },
    ),
)


@pytest.mark.parametrize(("version", "kind", "spec"), WORKLOADS)
@pytest.mark.parametrize("lag", (0.0, 2.0))
def test_a_workload_that_stays_makes_nothing_where_its_namespace_goes(
    version: str, kind: str, spec: dict, lag: float
) -> None:
    """Something holds the workload and not its pods; and whoever hears late of the namespace says nothing either."""
    with World(nodes=3, faults=Faults(watch_lag=lag)) as world, audited(world) as events:
        world.apply(namespace("team"))
        metadata = {"name": "web", "finalizers": ["example.com/hold"]}
        world.apply({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}, "team")
        world.wait_until(lambda: len(world.list("Pod", "team")) >= 2, within=60)
        pod = world.list("Pod", "team")[0]
        world.delete("Namespace", "team")
        world.delete("Pod", name_of(pod), "team")
        heard = timestamp.time(world.now + 2 * lag + 1)
        world.advance(600)
        assert world.get(kind, "web", "team"), "it is held"
    asked = [each for each in events if each["verb"] == "create" and each["objectRef"]["resource"] == "pods"]
    refused = [each for each in asked if each["responseStatus"]["code"] == 403]
    assert all(each["requestReceivedTimestamp"] < heard for each in refused), "once it has heard, it tries no more"
    assert lag or not refused


def test_the_default_service_account_comes_back() -> None:
    with World() as world:
        world.apply(namespace("team"))
        world.wait_until(lambda: world.list("ServiceAccount", "team"))
        world.delete("ServiceAccount", "default", "team")
        world.wait_until(lambda: world.list("ServiceAccount", "team"))


def keep_config_maps() -> list[dict]:
    """A policy that no ConfigMap called kept-... is deleted."""
    api = {"apiVersion": "admissionregistration.k8s.io/v1"}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps", "secrets"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "!oldObject.metadata.name.startsWith('kept')", "message": "it is kept"}],
    }
    bound = {"policyName": "keep", "validationActions": ["Deny"]}
    policy = {**api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "keep"}, "spec": spec}
    return [policy, {**api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "keep"}, "spec": bound}]


def test_what_may_not_be_deleted_is_told_of_and_holds_up_no_other_kind() -> None:
    with World() as world:
        world.apply(keep_config_maps())
        world.apply(namespace("team"))
        world.apply([in_namespace("ConfigMap", "kept"), in_namespace("Secret", "kept")], "team")
        service = {"spec": {"clusterIP": "None", "selector": {"app": "web"}}}
        world.apply({**in_namespace("Service", "web"), **service}, "team")
        world.settle()
        world.delete("Namespace", "team")
        world.wait_until(lambda: world.list("Service", "team") == [], within=60)
        world.wait_until(lambda: world.list("ServiceAccount", "team") == [], within=60)
        failure = condition_of(world.get("Namespace", "team"), "NamespaceDeletionContentFailure")
        assert failure and (failure["status"], failure["reason"]) == ("True", "ContentDeletionFailed")
        assert failure["message"].startswith("Failed to delete all resource types, 2 remaining: configmaps")
        assert failure["message"].count("it is kept") == 2
        world.delete("ValidatingAdmissionPolicyBinding", "keep")
        world.wait_until(lambda: "team" not in [name_of(n) for n in world.list("Namespace")], within=300)
