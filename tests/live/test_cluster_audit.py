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


def test_a_new_cluster_holds_and_a_careless_one_does_not() -> None:
    with cluster("audit", "simulated", "--store", "sqlite") as made:
        code, found = audited(made)
        assert code == 0, [one for one in found.values() if one["result"] == "FAIL"]
        made.kubectl("create", "secret", "generic", "s", "--from-literal=key=quite-long-and-secret")
        made.kubectl("create", "clusterrolebinding", "all", "--clusterrole=edit", "--group=system:authenticated")
        made.kubectl("create", "clusterrolebinding", "me", "--clusterrole=cluster-admin", "--user=eve")
        made.kubectl("create", "clusterrole", "wide", "--verb=*", "--resource=pods")
        (made.data_dir / "pki" / "ca.key").chmod(0o644)
        code, found = audited(made)
        failures = {section for section, one in found.items() if one["result"] == "FAIL"}
        assert code == 1
        assert failures >= {"1.1.21", "5.1.1", "5.1.2", "5.1.3", "5.1.4"}
        assert "1.2.27" not in failures and "1 values" in found["1.2.27"]["reason"]
        assert "ca.key" in found["1.1.21"]["reason"] and found["1.1.21"]["remedy"]
        shown = made.podo("audit")
        assert shown.code == 1 and "5.1.1" in shown.out and "controls failed" in shown.err
