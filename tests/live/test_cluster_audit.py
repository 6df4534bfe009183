"""``podo audit`` on clusters as they are after ``podo up``, and on one that was made careless."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.live.podo import Cluster, cluster

pytestmark = pytest.mark.live

#: What podo itself is responsible for; section 5 is about what people have set up.
OWN = ("1.", "2.", "4.")


def audited(made: Cluster) -> tuple[int, dict[str, dict[str, Any]]]:
    ended = made.podo("audit", "-o", "json")
    assert ended.out, str(ended)
    return ended.code, {one["section"]: one for one in json.loads(ended.out)["controls"]}


def test_a_cluster_with_real_nodes_holds(shared_cluster: Cluster) -> None:
    _, found = audited(shared_cluster)
    own = {section: one for section, one in found.items() if section.startswith(OWN)}
    assert {section: one["reason"] for section, one in own.items() if one["result"] == "FAIL"} == {}
    assert not [one for section, one in own.items() if section.startswith("4.2") and one["result"] != "PASS"]


def binding(name: str, role: str, kind: str, subject: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": kind, "name": subject}],
    }


def test_a_new_cluster_holds_and_a_careless_one_does_not() -> None:
    with cluster("audit", "simulated", "--store", "sqlite") as made:
        shown = made.podo("audit")
        assert shown.code == 0 and "FAIL" not in shown.out, str(shown)
        assert "1.2.1     PASS" in shown.out
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]
        wide = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "wide"}}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        careless = [
            {**secret, "stringData": {"key": "quite-long-and-secret"}},
            {**wide, "rules": rules},
            binding("all", "edit", "Group", "system:authenticated"),
            binding("me", "cluster-admin", "User", "eve"),
        ]
        made.kubectl("create", "-f", "-", given=careless)
        (made.data_dir / "pki" / "ca.key").chmod(0o644)
        code, found = audited(made)
        failures = {section for section, one in found.items() if one["result"] == "FAIL"}
        assert (code, failures) == (1, {"1.1.21", "1.2.5", "1.2.6", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.13"})
        assert "1 values" in found["1.2.27"]["reason"]
        assert "ca.key" in found["1.1.21"]["reason"] and found["1.1.21"]["remedy"]
