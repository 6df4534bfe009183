"""RBAC: what roles and bindings allow, against a slow evaluator and in the cases that are easily got wrong."""

from __future__ import annotations

import os
import random

import pytest

from podo.authz.attributes import Attributes, Decision, refusal
from podo.authz.rbac.aggregation import rules_of
from podo.authz.rbac.authorizer import RbacAuthorizer
from podo.authz.rbac.cover import compact, missing, shown
from podo.authz.rbac.policy import policy
from podo.authz.rbac.reconcile import reconciled
from tests.unit.authz import oracle

#: How many questions the oracle is asked (PODO_ORACLE_QUESTIONS=1000000 for the long run).
QUESTIONS = int(os.environ.get("PODO_ORACLE_QUESTIONS", "10000"))
A_WORLD = 250


def authorizer_of(world: list[tuple[str, str, str, oracle.Obj]]) -> RbacAuthorizer:
    found = RbacAuthorizer()
    for plural, namespace, name, obj in world:
        found.put(plural, namespace, name, obj)
    return found


def test_no_difference_from_the_slow_evaluator() -> None:
    chance = random.Random(4)
    yes = 0
    for _ in range(QUESTIONS // A_WORLD):
        world = oracle.random_world(chance, 20)
        rbac = authorizer_of(world)
        for number in range(A_WORLD):
            if number % 25 == 24:  # change something in the middle
                at = chance.randrange(len(world))
                plural, namespace, name, _ = world.pop(at)
                rbac.put(plural, namespace, name, None)
            asked = oracle.random_question(chance)
            wanted = oracle.allowed(world, asked)
            assert rbac.decide(asked).allowed == wanted, (asked, world)
            assert rbac.decide(asked).allowed == wanted  # as kept
            yes += wanted
    assert 0.02 < yes / QUESTIONS < 0.98


def binding(kind: str, name: str, subject: oracle.Obj) -> oracle.Obj:
    return {"roleRef": {"kind": kind, "name": name}, "subjects": [subject]}


JANE = {"kind": "User", "name": "jane"}


def test_reasons_are_told() -> None:
    rbac = RbacAuthorizer()
    asked = Attributes("jane", ("devs",), "list", "", "pods", namespace="a")
    assert rbac.decide(asked) == Decision(False)
    rbac.put("rolebindings", "a", "readers", binding("Role", "reader", JANE))
    missing_role = 'RBAC: role.rbac.authorization.k8s.io "reader" not found'
    assert rbac.decide(asked) == Decision(False, missing_role)
    rbac.put("roles", "a", "reader", {"rules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]})
    why = 'RBAC: allowed by RoleBinding "readers/a" of Role "reader" to User "jane"'
    assert rbac.decide(asked) == Decision(True, why)
    assert not rbac.decide(asked._replace(namespace="b")).allowed
    assert not rbac.decide(asked._replace(namespace="")).allowed
    rbac.put("rolebindings", "a", "readers", None)
    assert not rbac.decide(asked).allowed
    assert refusal(asked, "because") == (
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "a": because'
    )


def test_a_clusterrole_bound_in_a_namespace_holds_there_only() -> None:
    rbac = RbacAuthorizer()
    rbac.put("clusterroles", "", "all", {"rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]})
    rbac.put("rolebindings", "a", "b", binding("ClusterRole", "all", JANE))
    asked = Attributes("jane", (), "delete", "apps", "deployments", namespace="a", name="web")
    assert rbac.decide(asked).allowed
    assert not rbac.decide(asked._replace(namespace="b")).allowed
    assert not rbac.decide(asked._replace(resource="nodes", group="", namespace="")).allowed
    assert not rbac.decide(Attributes("jane", (), "get", path="/metrics")).allowed


def test_an_account_that_does_not_say_its_namespace_is_of_the_bindings() -> None:
    rbac = RbacAuthorizer()
    rbac.put("clusterroles", "", "all", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})
    account = {"kind": "ServiceAccount", "name": "robot"}
    rbac.put("rolebindings", "a", "b", binding("ClusterRole", "all", account))
    rbac.put("clusterrolebindings", "", "b", binding("ClusterRole", "all", account))
    for namespace, allowed in (("a", True), ("b", False), ("", False)):
        user = f"system:serviceaccount:{namespace}:robot"
        assert rbac.decide(Attributes(user, (), "get", "", "pods", namespace="a")).allowed is allowed


def test_a_rule_on_pods_does_not_reach_their_subresources() -> None:
    rbac = RbacAuthorizer()
    rbac.put("clusterroles", "", "r", {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]})
    rbac.put("clusterrolebindings", "", "b", binding("ClusterRole", "r", JANE))
    asked = Attributes("jane", (), "get", "", "pods", namespace="a", name="web")
    assert rbac.decide(asked).allowed
    assert not rbac.decide(asked._replace(subresource="log")).allowed


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        (["get", "list"], ["get"], []),
        (["get"], ["get", "list"], ['{APIGroups:[""], Resources:["pods"], Verbs:["list"]}']),
        (["get"], ["*"], ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']),
        (["*"], ["get", "*"], []),
    ],
)
def test_what_a_user_lacks(held: list[str], wanted: list[str], lacking: list[str]) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"]}
    found = missing([{**rule, "verbs": held}], [{**rule, "verbs": wanted}])
    assert [shown(one) for one in compact(found)] == lacking


def test_names_limit_what_is_held() -> None:
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    one = {**rule, "resourceNames": ["x"]}
    assert not missing([rule], [one])
    assert missing([one], [rule])
    assert missing([one], [{**rule, "resourceNames": ["x", "y"]}]) == [{**rule, "resourceNames": ["y"]}]
    assert not missing([{**rule, "resources": ["*/log"]}], [{**rule, "resources": ["pods/log"]}])


def test_default_policy_allows_what_it_should() -> None:
    rbac = RbacAuthorizer()
    for obj in policy():
        found = obj["metadata"]
        rbac.put(obj["kind"].lower() + "s", found.get("namespace", ""), found["name"], obj)
    anonymous = ("system:unauthenticated",)
    assert rbac.decide(Attributes("system:anonymous", anonymous, "get", path="/healthz")).allowed
    assert not rbac.decide(Attributes("system:anonymous", anonymous, "get", path="/api")).allowed
    assert rbac.decide(Attributes("x", ("system:authenticated",), "get", path="/apis/apps/v1")).allowed
    scheduler = Attributes("system:kube-scheduler", (), "create", "", "pods", "binding", "default", "web")
    assert rbac.decide(scheduler).allowed
    assert not rbac.decide(scheduler._replace(resource="secrets", subresource="", verb="get")).allowed
    assert not rbac.decide(Attributes("system:node:n", ("system:nodes",), "list", "", "pods")).allowed


def test_who_edits_does_not_get_round_what_a_cluster_has_not_thought_of() -> None:
    """As upstream: new ways to change a pod, which older policies may not see, are given out by administrators."""
    rbac = RbacAuthorizer()
    for obj in policy():
        rbac.put("clusterroles", "", obj["metadata"]["name"], obj)
    rbac.put("clusterrolebindings", "", "b", binding("ClusterRole", "system:aggregate-to-edit", JANE))
    asked = Attributes("jane", (), "patch", "", "pods", namespace="a", name="web")
    for resource, subresource, allowed in (
        ("pods", "", True),
        ("events", "", True),
        ("pods", "resize", False),
        ("pods", "ephemeralcontainers", False),
        ("endpoints", "", False),
    ):
        assert rbac.decide(asked._replace(resource=resource, subresource=subresource)).allowed is allowed, resource
    more = {"apiGroups": [""], "resources": ["pods/resize", "pods/ephemeralcontainers"], "verbs": ["patch"]}
    rbac.put("clusterroles", "", "debuggers", {"metadata": {"name": "debuggers"}, "rules": [more]})
    rbac.put("clusterrolebindings", "", "c", binding("ClusterRole", "debuggers", JANE))
    assert all(rbac.decide(asked._replace(subresource=part)).allowed for part in ("resize", "ephemeralcontainers"))


def test_default_aggregating_roles_leave_their_controller_nothing_to_do() -> None:
    roles = sorted((obj for obj in policy() if obj["kind"] == "ClusterRole"), key=lambda obj: obj["metadata"]["name"])
    aggregating = {obj["metadata"]["name"]: obj for obj in roles if "aggregationRule" in obj}
    assert all(obj["rules"] and obj["rules"] == rules_of(obj, roles) for obj in aggregating.values())
    for less, more in (("view", "edit"), ("edit", "admin")):
        assert not missing(aggregating[more]["rules"], aggregating[less]["rules"])


def test_default_roles_are_completed_and_not_cut() -> None:
    wanted = next(obj for obj in policy() if obj["metadata"]["name"] == "system:kube-dns")
    extra = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    there = {**wanted, "rules": [{"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}, extra]}
    new = reconciled(there, wanted)
    assert new is not None and extra in new["rules"] and not missing(new["rules"], wanted["rules"])
    assert reconciled(new, wanted) is None
    annotations = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    kept = {**there, "metadata": {**there["metadata"], "annotations": annotations}}
    assert reconciled(kept, wanted) is None
