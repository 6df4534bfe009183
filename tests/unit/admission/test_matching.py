"""Which writes rules cover: operations, groups, versions, resources and subresources, scopes, equivalent kinds."""

from __future__ import annotations

from typing import Any

import pytest

from podo.admission import matching
from podo.api import registry
from podo.api.kind import Kind


def kind(group: str, version: str, plural: str) -> Kind:
    found = registry.resource(group, version, plural)
    assert found is not None
    return found


PODS, NODES = kind("", "v1", "pods"), kind("", "v1", "nodes")
V1, V2 = (kind("autoscaling", version, "horizontalpodautoscalers") for version in ("v1", "v2"))


def rule(resources: list[str], **more: Any) -> dict[str, Any]:
    return {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": resources, **more}


@pytest.mark.parametrize(
    ("resources", "plain", "status"),
    [
        (["pods"], True, False),
        (["*"], True, False),
        (["*/*"], True, True),
        (["pods/*"], True, True),
        (["pods/status"], False, True),
        (["*/status"], False, True),
        (["nodes", "pods/binding"], False, False),
    ],
)
def test_resources_and_subresources(resources: list[str], plain: bool, status: bool) -> None:
    criteria = matching.criteria_of_policy({"resourceRules": [rule(resources)]})
    assert criteria.covers(PODS, "CREATE", "") is plain
    assert criteria.covers(PODS, "UPDATE", "status") is status


@pytest.mark.parametrize(
    ("scope", "pods", "nodes"), [("*", True, True), ("Cluster", False, True), ("Namespaced", True, False)]
)
def test_scopes(scope: str, pods: bool, nodes: bool) -> None:
    criteria = matching.criteria_of_webhook({"rules": [rule(["*"], scope=scope)]})
    assert (criteria.covers(PODS, "CREATE", ""), criteria.covers(NODES, "CREATE", "")) == (pods, nodes)


def test_operations_groups_and_versions() -> None:
    one = rule(["horizontalpodautoscalers"], apiGroups=["autoscaling"], apiVersions=["v2"], operations=["UPDATE"])
    exact = matching.criteria_of_policy({"resourceRules": [one], "matchPolicy": "Exact"})
    assert exact.covers(V2, "UPDATE", "") and not exact.covers(V2, "CREATE", "")
    assert not exact.covers(V1, "UPDATE", "")
    equivalent = matching.criteria_of_policy({"resourceRules": [one]})
    assert equivalent.kind_for(V1, "UPDATE", "", "web") is V2
    assert equivalent.kind_for(PODS, "UPDATE", "", "web") is None


def test_names_and_exclusions() -> None:
    excluded = rule(["pods"], resourceNames=["free"])
    criteria = matching.criteria_of_policy({"resourceRules": [rule(["*"])], "excludeResourceRules": [excluded]})
    assert criteria.kind_for(PODS, "CREATE", "", "free") is None
    assert criteria.kind_for(PODS, "CREATE", "", "other") is PODS
    only = matching.criteria_of_policy({"resourceRules": [rule(["pods"], resourceNames=["a"])]})
    assert only.covers(PODS, "CREATE", "")
    assert only.kind_for(PODS, "CREATE", "", "b") is None


def test_without_rules_a_policy_matches_everything_and_a_webhook_nothing() -> None:
    assert matching.criteria_of_policy({}).kind_for(PODS, "CREATE", "", "a") is PODS
    assert matching.criteria_of_webhook({}).kind_for(PODS, "CREATE", "", "a") is None


def test_their_own_configuration_is_exempt() -> None:
    group = "admissionregistration.k8s.io"
    assert matching.is_exempt(kind(group, "v1", "validatingadmissionpolicies"))
    assert not matching.is_exempt(PODS)
