"""``podo audit`` on clusters as they are after ``podo up``, and on one that was made careless."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live.podo import Cluster, cluster

pytestmark = pytest.mark.live

#: What podo itself is responsible for; section 5 is about what people have set up.
OWN = ("1.", "2.", "4.")
#: Where kube-hunter looks for an API server.
HUNTED = 6443
#: What may be known without credentials: by default health and the version, as upstream; here health only.
HEALTH_ONLY = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]}
"""


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


@pytest.mark.skipif(shutil.which("kube-hunter") is None, reason="kube-hunter (PyPI, in an environment of its own)")
@pytest.mark.parametrize("health_only", [False, True])
def test_kube_hunter_finds_nothing_but_the_version(health_only: bool, tmp_path: Path) -> None:
    """KHV002 is upstream's default too (the role system:public-info-viewer); who wants to hide the version can."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", HUNTED)) == 0:
            pytest.skip(f"something else listens on port {HUNTED}")
    (tmp_path / "file").write_text(HEALTH_ONLY)
    given = ("--authentication-config", str(tmp_path / "file")) if health_only else ()
    with cluster("hunted", "simulated", *given, port=HUNTED):
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")}
        argv = ["kube-hunter", "--remote", "127.0.0.1", "--active", "--report", "json", "--log", "none"]
        said = subprocess.run(argv, capture_output=True, timeout=60, env=environment, check=True).stdout
        found = json.loads(said)
        assert [one["location"] for one in found["services"]] == [f"127.0.0.1:{HUNTED}"], "it has looked"
        assert [one["vid"] for one in found["vulnerabilities"]] == ([] if health_only else ["KHV002"])
