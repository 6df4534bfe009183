"""Each controller acts as its own service account: RBAC decides what it may do, and the audit log says who did it."""

from __future__ import annotations

from typing import Any

from podo import controllers
from podo.api.kind import Obj
from podo.authz.rbac.policy import policy
from podo.lab import World
from tests.scenarios.auditing import Events, audited

ACCOUNT = "system:serviceaccount:kube-system:"
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}


def writers(events: Events, resource: str, subresource: str = "") -> set[tuple[str, str]]:
    """Who did what to it, successfully."""
    found = set()
    for event in events:
        reference = event.get("objectRef", {})
        asked = reference.get("resource"), reference.get("subresource", "")
        if asked == (resource, subresource) and event["responseStatus"]["code"] < 300:
            found.add((event["user"]["username"].removeprefix(ACCOUNT), event["verb"]))
    return found


def test_the_audit_log_tells_which_controller_did_what() -> None:
    with World(nodes=1, seed=1) as world, audited(world) as events:
        world.apply(WEB)
        world.wait_for("Deployment", "web", condition="Available")
        world.settle()
    assert not [one for one in events if one["responseStatus"]["code"] == 403]
    assert writers(events, "replicasets") == {("deployment-controller", "create")}
    assert writers(events, "replicasets", "status") == {("replicaset-controller", "update")}
    assert writers(events, "pods") == {("replicaset-controller", "create")}
    assert writers(events, "pods", "binding") == {("system:kube-scheduler", "create")}
    assert {user for user, _ in writers(events, "pods", "status")} == {"system:node:node-0"}
    assert writers(events, "leases") == set(), "heartbeats"
    assert {user for user, _ in writers(events, "events")} >= {"deployment-controller", "system:kube-scheduler"}
    made = next(one for one in events if one.get("objectRef", {}).get("resource") == "replicasets")
    assert made["level"] == "Metadata" and made["requestURI"] == "/apis/apps/v1/namespaces/default/replicasets"
    assert made["user"]["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:kube-system",
        "system:authenticated",
    ]
    assert made["userAgent"].startswith("kube-controller-manager/v1.37")
    assert made["userAgent"].endswith(f"/{ACCOUNT}deployment-controller")
    assert made["annotations"]["authorization.k8s.io/reason"].startswith("RBAC: allowed by ClusterRoleBinding")
    assert made["objectRef"]["name"].startswith("web-")


def test_events_and_owned_fields_have_upstreams_names() -> None:
    with World(nodes=1, seed=1) as world:
        world.apply(WEB)
        world.wait_for("Deployment", "web", condition="Available")
        world.settle()
        tellers = {event["reason"]: event["source"]["component"] for event in world.events()}
        assert tellers["ScalingReplicaSet"] == "deployment-controller"
        assert tellers["SuccessfulCreate"] == "replicaset-controller"
        assert tellers["Scheduled"] == "default-scheduler"
        managers = {entry["manager"] for pod in world.pods() for entry in pod["metadata"]["managedFields"]}
        assert managers == {"kube-controller-manager", "kubelet"}


def test_a_controller_can_do_what_its_role_says_and_nothing_else() -> None:
    with World(nodes=1, seed=1) as world, audited(world) as events:
        binding = world.get("ClusterRoleBinding", "system:controller:replicaset-controller", "")
        world.delete("ClusterRoleBinding", "system:controller:replicaset-controller", "")
        world.apply(WEB)
        world.advance(30)
        assert not world.pods() and len(world.list("ReplicaSet")) == 1
        kept = {name: value for name, value in binding["metadata"].items() if name in ("name", "labels", "annotations")}
        world.apply({**binding, "metadata": kept})
        world.wait_for("Deployment", "web", condition="Available", within=120)
    refused = [one for one in events if one["responseStatus"]["code"] == 403]
    assert refused and {one["user"]["username"] for one in refused} == {f"{ACCOUNT}replicaset-controller"}
    assert "cannot create resource" in refused[0]["responseStatus"]["message"]
    assert refused[0]["annotations"]["authorization.k8s.io/decision"] == "forbid"


def test_no_controller_lacks_a_right_for_its_work() -> None:
    """Much of what a cluster does, from the first pod to the end of a namespace; nobody is refused."""
    containers = [{"name": "c", "image": "i"}]
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}}
    workload = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    once = {"metadata": {"labels": {"job": "j"}}, "spec": {"containers": containers, "restartPolicy": "Never"}}
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], **_gigabyte("storage")}}
    stateful = {"serviceName": "s", "volumeClaimTemplates": [claim], "replicas": 2}
    kept = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"}}
    expired = {"expiration": "2020-01-01T00:00:00Z", "token-id": "abcdef", "token-secret": "0123456789abcdef"}
    made = [
        _named("v1", "Namespace", "team"),
        _named("v1", "Service", "s", spec={"selector": {"app": "x"}, "ports": [{"port": 80}]}),
        _named("apps/v1", "StatefulSet", "s", spec={**workload, **stateful, **kept}),
        _named("apps/v1", "DaemonSet", "d", spec=workload),
        _named("v1", "ReplicationController", "r", spec={"selector": {"app": "x"}, "template": template}),
        _named("policy/v1", "PodDisruptionBudget", "b", spec={"minAvailable": 1, "selector": workload["selector"]}),
        _named("batch/v1", "Job", "j", spec={"template": once, "ttlSecondsAfterFinished": 5}),
        _named("batch/v1", "CronJob", "c", spec={"schedule": "* * * * *", "jobTemplate": {"spec": {"template": once}}}),
        _named("v1", "Endpoints", "e", subsets=[{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 80}]}]),
        _named("v1", "Service", "e", spec={"ports": [{"port": 80}]}),
        _named(
            *("autoscaling/v2", "HorizontalPodAutoscaler", "h"),
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 3,
                "maxReplicas": 4,
            },
        ),
        _named("v1", "Secret", "t", type="kubernetes.io/service-account-token"),
        WEB,
    ]
    made[-2]["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    with World(nodes=2, seed=5) as world, audited(world) as events:
        world.apply(made)
        token = _named("v1", "Secret", "bootstrap-token-abcdef", type="bootstrap.kubernetes.io/token")
        token["metadata"]["namespace"] = "kube-system"
        world.apply({**token, "stringData": expired})
        world.wait_for("Deployment", "web", condition="Available")
        world.advance(90)
        world.scale("StatefulSet", "s", 1)
        world.kill_node("node-1")
        world.advance(400)
        world.apply({**_named("v1", "ConfigMap", "left"), "metadata": {"name": "left", "namespace": "team"}})
        world.delete("Namespace", "team", "")
        world.delete("StatefulSet", "s")
        world.delete("Deployment", "web", propagation="Foreground")
        world.advance(60)
    refused = {one["responseStatus"]["message"] for one in events if one["responseStatus"]["code"] == 403}
    assert not refused
    acted = {one["user"]["username"].removeprefix(ACCOUNT) for one in events}
    assert len(acted & {each.account for each in controllers.ALL}) >= 18, acted


def _named(api_version: str, kind: str, name: str, **fields: Any) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def _gigabyte(resource: str) -> Obj:
    return {"resources": {"requests": {resource: "1Gi"}}}


def test_every_controller_has_an_account_with_a_role() -> None:
    every = controllers.declarations("10.244.0.0/16", "a CA", lambda *_: None, lambda *_: "")  # type: ignore[arg-type]
    bound = {
        subject["name"]
        for written in policy()
        if written["kind"].endswith("Binding")
        for subject in written.get("subjects", ())
        if subject["kind"] == "ServiceAccount"
    }
    for each in every:
        if each.name == "tokensecrets":  # upstream's acts as kube-controller-manager too
            assert not each.account
        else:
            assert each.account in bound, each.name
            assert each.component


def test_no_binding_of_a_controllers_role_names_the_manager() -> None:
    def names(written: Obj) -> list[str]:
        return [subject["name"] for subject in written.get("subjects", ())]

    bindings = [written for written in policy() if written["metadata"]["name"].startswith("system:controller:")]
    assert len(bindings) > 60
    assert not any("system:kube-controller-manager" in names(written) for written in bindings)
