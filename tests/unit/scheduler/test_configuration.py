"""KubeSchedulerConfiguration: what its profiles decide differently, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from podo.scheduler.configuration import API_VERSION, KIND, ConfigurationProblem, parse, read
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Candidates, Patience, Profile
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import Snapshot
from tests.unit.scheduler.clusters import node, pod, snapshot


def profile(config: Any = (), **plugins: Any) -> Profile:
    found = {"schedulerName": "mine", "plugins": plugins, "pluginConfig": list(config)}
    return read({"profiles": [found]}).profiles[0]


def fit(kind: str, **more: Any) -> dict[str, Any]:
    return {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": kind, **more}}}


def where(asked: PodInfo, cluster: Snapshot, chosen: Profile) -> str | Refusal:
    outcome = Cycle(cluster, chosen).place(asked, lambda count: 0)
    return outcome.node_name if isinstance(outcome, Placement) else outcome


ONLY_FIT = {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit", "weight": 5}]}


def half_full() -> Snapshot:
    cluster = snapshot(node("empty", cpu="4", memory="8Gi"), node("used", cpu="4", memory="8Gi"))
    cluster.add_pod(pod("there", {"cpu": "2", "memory": "4Gi"}), "used")
    return cluster


def test_strategies() -> None:
    asked = pod("p", {"cpu": "1", "memory": "2Gi"})
    assert where(asked, half_full(), profile([fit("LeastAllocated")], score=ONLY_FIT)) == "empty"
    assert where(asked, half_full(), profile([fit("MostAllocated")], score=ONLY_FIT)) == "used"
    for shape, expected in (((0, 10), (100, 0)), "empty"), (((0, 0), (100, 10)), "used"):
        points = [{"utilization": at, "score": score} for at, score in shape]
        curve = fit("RequestedToCapacityRatio", requestedToCapacityRatio={"shape": points})
        assert where(asked, half_full(), profile([curve], score=ONLY_FIT)) == expected


def test_points_of_a_curve() -> None:
    """60 percent of cpu and 50 of memory lie on the line from 0 to 10 points; the mean is rounded."""
    shape = [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
    resources = [{"name": "cpu", "weight": 3}, {"name": "memory", "weight": 1}]
    curve = fit("RequestedToCapacityRatio", resources=resources, requestedToCapacityRatio={"shape": shape})
    cluster = snapshot(node("n", cpu="10", memory="8Gi"))
    scores = Cycle(cluster, profile([curve], score=ONLY_FIT)).scores(pod("p", {"cpu": "6", "memory": "4Gi"}))
    assert scores[cluster.row_of["n"]] == 5 * round((3 * 60 + 50) / 4)


def test_extended_resources_are_packed_where_pods_ask_for_them() -> None:
    gpus: dict[str, Any] = {"more": {"example.com/gpu": "4"}}
    cluster = snapshot(node("a", **gpus), node("b", **gpus), node("plain"))
    cluster.add_pod(pod("there", {"example.com/gpu": "2"}), "b")
    packs = profile([fit("MostAllocated", resources=[{"name": "example.com/gpu", "weight": 1}])], score=ONLY_FIT)
    assert where(pod("p", {"example.com/gpu": "1"}), cluster, packs) == "b"


def test_plug_ins_switched_off() -> None:
    tainted = snapshot(node("n", taints=[{"key": "k", "effect": "NoSchedule"}]))
    assert isinstance(where(pod("p"), tainted, profile()), Refusal)
    off = {"disabled": [{"name": "TaintToleration"}]}
    assert where(pod("p"), tainted, profile(filter=off)) == where(pod("p"), tainted, profile(multiPoint=off)) == "n"
    assert not profile(postFilter={"disabled": [{"name": "DefaultPreemption"}]}).preempts


def test_affinity_that_the_profile_adds() -> None:
    terms = [{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["batch"]}]}]
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    batch = profile([{"name": "NodeAffinity", "args": {"addedAffinity": added}}])
    cluster = snapshot(node("other"), node("batch", labels={"pool": "batch"}))
    assert where(pod("p"), cluster, batch) == "batch"
    cluster.remove_node("batch")
    outcome = where(pod("p"), cluster, batch)
    assert isinstance(outcome, Refusal)
    assert "1 node(s) didn't match scheduler-enforced node affinity" in outcome.message()


def test_default_constraints_of_ones_own() -> None:
    constraint = {"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    args = {"defaultConstraints": [constraint], "defaultingType": "List"}
    spread = profile([{"name": "PodTopologySpread", "args": args}])
    cluster = snapshot(node("a", labels={"rack": "1"}), node("b", labels={"rack": "2"}))
    cluster.groups.set("Service", "default", "s", {"spec": {"selector": {"app": "x"}}})
    asked = pod("p")
    obj = {**asked.obj, "metadata": {**asked.obj["metadata"], "labels": {"app": "x"}}}
    from podo.scheduler.podinfo import read as read_pod

    cluster.add_pod(read_pod({**obj, "metadata": {**obj["metadata"], "uid": "1"}}), "a")
    assert where(read_pod(obj), cluster, spread) == "b"
    cluster.add_pod(read_pod({**obj, "metadata": {**obj["metadata"], "uid": "2"}}), "a")
    cluster.remove_node("b")
    assert where(read_pod(obj), cluster, spread) == "a", "the only rack is also the emptiest"


def test_resources_that_an_extender_looks_after_are_not_counted() -> None:
    managed = [{"name": "example.com/gpu", "ignoredByScheduler": True}]
    extender = {"urlPrefix": "http://127.0.0.1:1/", "filterVerb": "filter", "managedResources": managed}
    chosen = read({"extenders": [{**extender, "httpTimeout": "500ms"}]})
    assert chosen.extenders[0].seconds == 0.5
    assert where(pod("p", {"example.com/gpu": "1"}), snapshot(node("n")), chosen.profiles[0]) == "n"


def test_how_many_nodes_preemption_chooses_from() -> None:
    args = {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 7}
    chosen = read({"profiles": [{"pluginConfig": [{"name": "DefaultPreemption", "args": args}]}]})
    assert chosen.profiles[0].preemption == Candidates(0, 7)
    assert read({}).profiles[0].preemption == Candidates(10, 100)
    off = read({"profiles": [{"plugins": {"postFilter": {"disabled": [{"name": "*"}]}}}]})
    assert off.profiles[0].preemption is None


def test_how_long_volumes_and_devices_may_take() -> None:
    assert profile().patience == Patience(600, 600)
    args = {"VolumeBinding": {"bindTimeoutSeconds": 0}, "DynamicResources": {"bindingTimeout": "1m30s"}}
    assert profile([{"name": name, "args": each} for name, each in args.items()]).patience == Patience(0, 90)


HEAD = f"apiVersion: {API_VERSION}\nkind: {KIND}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: Pod", "must be kubescheduler.config.k8s.io/v1, kind KubeSchedulerConfiguration"),
        (": :", "is not YAML"),
        (HEAD + "profiles: [{plugins: {score: {enabled: [{name: Nope}]}}}]", "no plug-in named 'Nope'"),
        (
            HEAD + "profiles: [{schedulerName: a}, {schedulerName: a}, {}]",
            '[profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName", '
            "profiles[2].schedulerName: Required value]",
        ),
        (
            HEAD + "profiles: [{pluginConfig: [{name: X}, {name: X}]}]",
            'profiles[0].pluginConfig[1]: Duplicate value: "X"',
        ),
        (
            HEAD + "podInitialBackoffSeconds: 9\npodMaxBackoffSeconds: 3",
            "podMaxBackoffSeconds: Invalid value: 3: must be greater than or equal to PodInitialBackoffSeconds",
        ),
        (
            HEAD + "percentageOfNodesToScore: 101\nparallelism: 0",
            "[parallelism: Invalid value: 0: should be an integer value greater than zero, "
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]]",
        ),
        (
            HEAD + "extenders: [{urlPrefix: 'http://x', prioritizeVerb: p}]",
            "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
        ),
        (HEAD + "extenders: [{urlPrefix: nowhere}]", "extenders[0].urlPrefix must be the URL of a server"),
        (HEAD + "profiles: 7", "not of the right form"),
        (
            HEAD + "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Odd}}}]}]",
            'scoringStrategy.type: Unsupported value: "Odd": supported values: "LeastAllocated", "MostAllocated", ',
        ),
        (
            HEAD + "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 101}}]}]",
            "args.minCandidateNodesPercentage: Invalid value: 101: not in valid range [0, 100]",
        ),
    ],
)
def test_what_it_refuses(text: str, why: str) -> None:
    with pytest.raises(ConfigurationProblem, match=re.escape(why)):
        parse(text, "file.yaml")


def test_nothing_given_is_the_default() -> None:
    found = parse(HEAD)
    assert [each.name for each in found.profiles] == ["default-scheduler"] and found.profiles[0].preempts
