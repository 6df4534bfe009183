from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import default_profile
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import NodeInfo, Snapshot
from tests.unit.scheduler import oracle
from tests.unit.scheduler.clusters import node, pod, random_node, random_pod, snapshot

PROFILE = default_profile()


def first(count: int) -> int:
    return 0


def place(asked: PodInfo, cluster: Snapshot) -> Placement | Refusal:
    cycle = Cycle(cluster, PROFILE)
    outcome = cycle.place(asked, first)
    return outcome if isinstance(outcome, Placement) else cycle.make_room(asked, outcome)[1]


def refused(asked: PodInfo, *nodes: NodeInfo) -> str:
    outcome = place(asked, snapshot(*nodes))
    assert isinstance(outcome, Refusal)
    return outcome.message()


def agrees(cycle: Cycle, asked: PodInfo, cluster: Snapshot, nodes: dict[str, NodeInfo]) -> dict[str, int]:
    """Asserts that the board shows what the oracle says, up to a constant; the oracle's scores."""
    placed: oracle.Placed = {}
    for other, where in cluster.pods().values():
        placed.setdefault(where, []).append(other)
    expected = oracle.scores(asked, list(nodes.values()), placed)
    found = cycle.scores(asked)
    names = {cluster.node(int(row)).name: int(found[row]) for row in np.flatnonzero(found >= 0)}
    assert names.keys() == expected.keys()
    assert len({names[name] - expected[name] for name in expected}) <= 1
    return expected


@pytest.mark.parametrize("seed", range(25))
def test_columns_and_boards_agree_with_the_rules_applied_one_by_one(seed: int) -> None:
    """Nodes come, change and go; pods are placed and end; the boards live through all of it."""
    r = random.Random(seed)
    nodes = {f"n{i}": random_node(r, f"n{i}") for i in range(r.randint(1, 12))}
    cluster = snapshot(*nodes.values())
    cycle = Cycle(cluster, PROFILE)
    kinds = [random_pod(r, f"kind-{number}") for number in range(6)]
    for step in range(60):
        asked = random.Random(seed * 1000 + step % 6)
        asked_pod = random_pod(asked, f"pod-{step}") if step % 2 else kinds[step % 6]
        expected = agrees(cycle, asked_pod, cluster, nodes)
        outcome = cycle.place(asked_pod, r.randrange)
        if isinstance(outcome, Placement):
            assert expected[outcome.node_name] == max(expected.values())
            if asked_pod.uid not in cluster.pods():
                cluster.add_pod(asked_pod, outcome.node_name)
        else:
            assert not expected and len(outcome.reasons) == len(nodes)
        _something_happens(r, cluster, nodes, step)


def _something_happens(r: random.Random, cluster: Snapshot, nodes: dict[str, NodeInfo], step: int) -> None:
    what = r.random()
    if what < 0.15 and cluster.pods():
        cluster.remove_pod(r.choice(sorted(cluster.pods())))
    elif what < 0.25:
        name = f"n{r.randint(0, 15)}"
        nodes[name] = random_node(r, name)
        cluster.set_node(nodes[name])
    elif what < 0.30 and len(nodes) > 1:
        name = r.choice(sorted(nodes))
        del nodes[name]
        cluster.remove_node(name)


def test_spreads_over_equal_nodes() -> None:
    cluster = snapshot(*(node(f"n{i}") for i in range(5)))
    cycle = Cycle(cluster, PROFILE)
    for number in range(20):
        asked = pod(f"p{number}", {"cpu": "100m", "memory": "100Mi"})
        outcome = cycle.place(asked, first)
        assert isinstance(outcome, Placement)
        cluster.add_pod(asked, outcome.node_name)
    assert sorted(cluster.requested[3, list(cluster.row_of.values())]) == [4] * 5


def test_no_node_at_all() -> None:
    assert refused(pod("p")) == "no nodes available to schedule pods"


NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def test_the_message_counts_reasons_as_upstream_does() -> None:
    message = refused(
        pod("p", {"cpu": "3"}),
        node("small", cpu="1"),
        node("not-ready-1", taints=[NOT_READY]),
        node("not-ready-2", taints=[NOT_READY]),
    )
    assert message == (
        "0/3 nodes are available: 1 Insufficient cpu, "
        "2 node(s) had untolerated taint(s). "
        "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


def test_every_filter_says_why() -> None:
    taken = pod("taken", {"cpu": "1"}, port=80)
    full = snapshot(node("n", cpu="2", memory="1Gi", pods="2"))
    full.add_pod(taken, "n")
    cases = {
        pod("a", {"cpu": "1500m", "memory": "2Gi", "example.com/gpu": "1"}): (
            "1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory"
        ),
        pod("b", port=80): "1 node(s) didn't have free ports for the requested pod ports",
        pod("c", nodeSelector={"disk": "ssd"}): "1 node(s) didn't match Pod's node affinity/selector",
        pod("d", nodeName="elsewhere"): "1 node(s) didn't match the requested node name",
    }
    for asked, why in cases.items():
        outcome = place(asked, full)
        assert isinstance(outcome, Refusal) and outcome.message().startswith(
            f"0/1 nodes are available: {why}. no new claims"
        )
    assert refused(pod("e"), node("n", unschedulable=True)).startswith(
        "0/1 nodes are available: 1 node(s) were unschedulable."
    )
    full.add_pod(pod("second"), "n")
    outcome = place(pod("f"), full)
    assert isinstance(outcome, Refusal)
    assert outcome.message() == (
        "0/1 nodes are available: 1 Too many pods. "
        "no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )
    assert outcome.plugins == {"NodeResourcesFit"}


def test_a_pod_that_never_preempts_says_so() -> None:
    message = refused(pod("p", {"cpu": "9"}, preemptionPolicy="Never"), node("n"))
    assert (
        message == "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )


def test_what_a_pod_asks_for() -> None:
    def container(cpu: str, **more: str) -> dict:
        return {"resources": {"requests": {"cpu": cpu, "memory": "100Mi"}}, **more}

    asked = pod(
        "p",
        {"cpu": "1"},
        initContainers=[container("200m", restartPolicy="Always"), container("3"), container("1")],
        overhead={"cpu": "50m"},
    )
    assert asked.requests["cpu"] == 200 + 3000 + 50
    assert pod("p", {"cpu": "1"}, resources={"requests": {"cpu": "2", "memory": "1Gi"}}).requests["cpu"] == 2000
    assert pod("p").scored == (100, 200 * 1024 * 1024) and pod("p").requests == {}


def test_pods_may_be_known_before_their_node() -> None:
    cluster = Snapshot()
    cluster.add_pod(pod("early", {"cpu": "3"}), "n")
    cluster.set_node(node("n"))
    assert isinstance(place(pod("late", {"cpu": "2"}), cluster), Refusal)
    assert cluster.remove_pod("uid-early")
    assert isinstance(place(pod("late", {"cpu": "2"}), cluster), Placement)


def test_preferred_affinity_and_soft_taints_weigh() -> None:
    term = {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    soft = [{"key": "soft", "effect": "PreferNoSchedule"}]
    nodes = node("plain"), node("ssd", labels={"disk": "ssd"}), node("soft", labels={"disk": "ssd"}, taints=soft)
    assert place(pod("p", affinity=affinity), snapshot(*nodes)) == Placement("ssd")


EBS, PD = {"awsElasticBlockStore": {"volumeID": "v"}}, {"gcePersistentDisk": {"pdName": "d"}}
READ = {"gcePersistentDisk": {"pdName": "d", "readOnly": True}}
ISCSI = {"iscsi": {"iqn": "i", "lun": 0, "targetPortal": "t"}}
RBD = {"rbd": {"monitors": ["m1", "m2"], "image": "a"}}


@pytest.mark.parametrize(
    ("there", "asked", "fits"),
    [
        (EBS, EBS, False),
        (EBS, {"awsElasticBlockStore": {"volumeID": "other"}}, True),
        (PD, PD, False),
        (PD, READ, False),
        (READ, READ, True),
        (ISCSI, ISCSI, False),
        (RBD, {"rbd": {"monitors": ["m2", "m3"], "image": "a", "pool": "rbd"}}, False),
        (RBD, {"rbd": {"monitors": ["m3"], "image": "a"}}, True),
        ({"emptyDir": {}}, EBS, True),
    ],
)
def test_disks_that_one_pod_has_at_a_time(there: dict[str, Any], asked: dict[str, Any], fits: bool) -> None:
    cluster = snapshot(node("n"))
    cluster.add_pod(pod("there", volumes=[{"name": "v", **there}]), "n")
    found = Cycle(cluster, default_profile()).place(pod("p", volumes=[{"name": "v", **asked}]), lambda count: 0)
    assert isinstance(found, Placement) == fits
    if isinstance(found, Refusal):
        assert found.message() == "0/1 nodes are available: 1 node(s) had no available disk."


def _named(*terms: list[str]) -> dict[str, Any]:
    """Node affinity whose terms, ORed, each name nodes by several fields, ANDed."""
    required = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]} for name in names]}
        for names in terms
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": required}}}


def test_nodes_that_a_pod_of_a_daemonset_does_not_name_are_not_looked_at() -> None:
    nodes = node("a", cpu="1"), node("b"), node("c", taints=[NOT_READY])
    assert refused(pod("p", {"cpu": "2"}, affinity=_named(["a"])), *nodes) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    assert refused(pod("q", affinity=_named(["gone"], ["c"])), *nodes).startswith(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), "
        "2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "
    )
    assert refused(pod("r", affinity=_named(["a", "b"])), *nodes).startswith(
        "0/3 nodes are available: pod affinity terms conflict. no new claims"
    )


def test_what_keeps_a_pod_from_every_node_is_said_alone() -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    message = refused(pod("p", volumes=volumes, affinity=_named(["a"])), node("a", taints=[NOT_READY]), node("b"))
    assert message.startswith('0/2 nodes are available: persistentvolumeclaim "c" not found. no new claims')


def _claim(name: str, uid: str = "", **fields: Any) -> dict[str, Any]:
    owner = [{"kind": "Pod", "name": "p", "uid": uid, "controller": True}] if uid else []
    metadata = {"name": name, "namespace": "default", "ownerReferences": owner, **fields.pop("metadata", {})}
    return {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {}, **fields}


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ([], 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-own"'),
        ([_claim("p-own", "another")], "PVC default/p-own was not created for pod default/p (pod is not owner)"),
        ([_claim("p-own", "uid-p")], 'persistentvolumeclaim "data" not found'),
        (
            [_claim("p-own", "uid-p", metadata={"deletionTimestamp": "now"})],
            'persistentvolumeclaim "p-own" is being deleted',
        ),
        (
            [_claim("p-own", "uid-p"), _claim("data", spec={"volumeName": "v"}, status={"phase": "Lost"})],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"',
        ),
        ([_claim("p-own", "uid-p"), _claim("data")], "pod has unbound immediate PersistentVolumeClaims"),
    ],
)
def test_claims_that_keep_a_pod_from_every_node(claims: list[dict[str, Any]], says: str) -> None:
    cluster = snapshot(node("n"))
    for claim in claims:
        cluster.storage.set("PersistentVolumeClaim", "default", claim["metadata"]["name"], claim)
    volumes = [
        {"name": "own", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "v", "persistentVolumeClaim": {"claimName": "data"}},
    ]
    found = place(pod("p", volumes=volumes), cluster)
    assert isinstance(found, Refusal)
    assert found.message().startswith(f"0/1 nodes are available: {says}. no new claims")


OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"


@pytest.mark.parametrize(("where", "fits"), [("a", True), ("c", True), ("d", False)])
def test_a_volume_with_the_old_label_of_a_zone(where: str, fits: bool) -> None:
    cluster = snapshot(node("n", labels={"topology.kubernetes.io/zone": where}))
    bound = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
    claim = _claim("data", metadata=bound, spec={"volumeName": "v"}, status={"phase": "Bound"})
    cluster.storage.set("PersistentVolumeClaim", "default", "data", claim)
    labels = {"name": "v", "labels": {OLD_ZONE: "a__b__c"}}
    cluster.storage.set("PersistentVolume", "", "v", {"kind": "PersistentVolume", "metadata": labels, "spec": {}})
    found = place(pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]), cluster)
    assert isinstance(found, Placement) == fits
