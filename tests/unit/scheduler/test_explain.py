"""Explaining and trying out: what keeps a pod from each node, what would help, and where pods would go."""

from __future__ import annotations

from typing import Any

import pytest

from podo.scheduler.configuration import read
from podo.scheduler.cycle import Cycle
from podo.scheduler.explain import Explanation, document, explain, explain_by, lines
from podo.scheduler.picture import snapshot_of
from podo.scheduler.profile import default_profile
from podo.scheduler.simulate import CannotSimulate, made_up_nodes, simulate
from tests.unit.scheduler.clusters import TAINTS, node, pod, snapshot


def test_every_node_says_what_is_missing_there() -> None:
    cluster = snapshot(
        node("small", cpu="1"),
        node("tainted", taints=TAINTS[:1]),
        node("closed", unschedulable=True),
        node("other", labels={"disk": "hdd"}),
    )
    asked = pod("p", {"cpu": "2"}, nodeSelector={"disk": "ssd"})
    cluster.set_node(node("small", cpu="1", labels={"disk": "ssd"}))
    cluster.set_node(node("tainted", taints=TAINTS[:1], labels={"disk": "ssd"}))
    found = explain(asked.obj, cluster)
    by_name = {each.node_name: each for each in found.refusals}
    assert by_name["small"].details == ("cpu: asks for 2000m, 1000m of 1000m free",)
    assert by_name["tainted"].details == ("needs a toleration of dedicated=gpu:NoSchedule",)
    assert by_name["closed"].details == ("kubectl uncordon closed opens it",)
    assert by_name["other"].details == ("the pod selects disk=ssd; the node has disk=hdd",)
    remedies = {each.plugin: each.nodes for each in found.remedies}
    assert remedies == {
        "NodeResourcesFit": ("small",),
        "TaintToleration": ("tainted",),
        "NodeAffinity": ("other",),
    }
    text = "\n".join(lines(found))
    assert text.startswith("0/4 nodes are available: ") and "would fit on other, were it not for NodeAffinity" in text


def test_who_would_be_preempted() -> None:
    cluster = snapshot(node("n"))
    cluster.add_pod(pod("low", {"cpu": "3"}, priority=1), "n")
    found = explain(pod("p", {"cpu": "2"}, priority=10).obj, cluster)
    assert (found.victims_on, found.victims) == ("n", ("default/low (priority 1)",))
    assert "would preempt on n: default/low (priority 1)" in "\n".join(lines(found))
    assert list(cluster.pods()) == ["uid-low"], "explaining changes nothing"


def test_a_port_and_gates_and_a_pod_that_fits() -> None:
    cluster = snapshot(node("n"))
    cluster.add_pod(pod("holder", port=80), "n")
    assert explain(pod("p", port=80).obj, cluster).refusals[0].details == ("port 80/TCP is default/holder's",)
    gated = explain(pod("p", schedulingGates=[{"name": "example.com/g"}]).obj, cluster)
    assert list(lines(gated)) == ["Scheduling is blocked due to non-empty scheduling gates: example.com/g"]
    assert explain(pod("p").obj, cluster) == Explanation("n")


def test_nodes_that_say_the_same_are_told_together() -> None:
    cluster = snapshot(*(node(f"n{number}", cpu="1") for number in range(8)))
    said = list(lines(explain(pod("p", {"cpu": "2"}).obj, cluster)))
    assert said[1:3] == [
        "  n0, n1, n2, n3, n4 and 3 more: NodeResourcesFit: Insufficient cpu",
        "    cpu: asks for 2000m, 1000m of 1000m free",
    ]


def deployment(replicas: int, cpu: str = "1", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", "resources": {"limits": {"cpu": cpu}}}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container], **spec}}
    metadata = {"name": "d", "namespace": "default"}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas, "template": template}}


AMOUNTS = {"cpu": "2", "memory": "8Gi", "pods": "10"}


def test_a_deployment_on_made_up_nodes() -> None:
    outcomes = simulate([deployment(5)], snapshot_of(made_up_nodes(2, AMOUNTS)), {})
    assert [each.pod for each in outcomes] == [f"default/d-{number}" for number in range(5)]
    assert sorted(each.node_name for each in outcomes) == ["", "node-1", "node-1", "node-2", "node-2"]
    assert outcomes[-1].message.startswith("0/2 nodes are available: 2 Insufficient cpu."), "limits become requests"


def test_the_important_come_first_and_may_displace() -> None:
    high = {"kind": "PriorityClass", "metadata": {"name": "high"}, "value": 9}
    cluster = snapshot_of(made_up_nodes(1, AMOUNTS))
    cluster.add_pod(pod("there", {"cpu": "2"}), "node-1")
    outcomes = simulate([high, deployment(1), deployment(1, "2", priorityClassName="high")], cluster, {})
    assert outcomes[0].node_name == "node-1" and outcomes[0].preempted == ("default/there",)
    assert not outcomes[1].node_name


def test_demands_between_the_pods_of_the_manifest() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "topology.kubernetes.io/zone"}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    outcomes = simulate([deployment(3, affinity=apart)], snapshot_of(made_up_nodes(6, AMOUNTS, zones=2)), {})
    assert sum(bool(each.node_name) for each in outcomes) == 2


def test_what_cannot_be_tried() -> None:
    with pytest.raises(CannotSimulate, match="no PriorityClass with name none"):
        simulate([deployment(1, priorityClassName="none")], snapshot_of([]), {})
    with pytest.raises(CannotSimulate, match="has no pod template"):
        simulate([{"kind": "Job", "metadata": {"name": "j"}, "spec": {}}], snapshot_of([]), {})


def test_pods_are_named_to_those_who_may_see_their_namespace() -> None:
    cluster = snapshot(node("n"))
    cluster.add_pod(pod("low", {"cpu": "3"}, priority=1), "n")
    cluster.add_pod(pod("holder", port=80), "n")
    cycle = Cycle(cluster, default_profile())
    found = explain_by(pod("p", {"cpu": "2"}, priority=10).obj, cluster, cycle, lambda namespace: False)
    assert found.victims == ("a pod of another namespace (priority 1)",)
    found = explain_by(pod("q", port=80).obj, cluster, cycle, lambda namespace: False)
    assert found.refusals[0].details == ("port 80/TCP is a pod of another namespace's",)


def test_the_profile_of_the_pods_scheduler_decides() -> None:
    found = read({"profiles": [{"schedulerName": "careless", "plugins": {"filter": {"disabled": [FIT]}}}]})
    cluster = snapshot(node("n", cpu="1"))
    asked = pod("p", {"cpu": "2"}).obj
    assert explain_by(asked, cluster, Cycle(cluster, found.profiles[0])).node_name == "n"
    assert explain(asked, cluster).node_name == ""


FIT = {"name": "NodeResourcesFit"}


def test_a_document_groups_nodes_and_has_a_bound() -> None:
    cluster = snapshot(*(node(f"n{number}", cpu=f"{number + 1}m") for number in range(120)))
    found = document(explain(pod("p", {"cpu": "2"}).obj, cluster))
    assert len(found["refusals"]) == 50 and all(each["count"] == 1 for each in found["refusals"])
    assert found["without"] == [
        {"plugin": "NodeResourcesFit", "count": 120, "nodes": ["n0", "n1", "n10", "n100", "n101"]}
    ]
    assert "70 more groups of nodes for other reasons" in "\n".join(lines(explain(pod("p", {"cpu": "2"}).obj, cluster)))
