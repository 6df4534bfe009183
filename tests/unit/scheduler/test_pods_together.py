"""Demands between pods: what the columns decide is what the rules say, applied pod by pod."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from podo.scheduler import podinfo
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.plugins.interpodaffinity import InterPodAffinity
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.podterms import PodClass, PodTerms, read_terms
from podo.scheduler.profile import default_profile
from podo.scheduler.snapshot import Snapshot
from tests.unit.scheduler import clusters, oracle_pods
from tests.unit.scheduler.clusters import TAINTS, node, snapshot

PROFILE = default_profile()
NAMESPACES = {"default": {"team": "a"}, "other": {"team": "b"}, "third": {}}
KEYS = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"]
SERVICES = [("default", {"app": "web"}), ("other", {"app": "db"})]


def random_selector(r: random.Random) -> dict[str, Any]:
    return r.choice(
        [
            {"matchLabels": {"app": r.choice(["web", "db"])}},
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]},
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
            {"matchExpressions": [{"key": "version", "operator": "Exists"}]},
            {},
        ]
    )


def random_term(r: random.Random) -> dict[str, Any]:
    term: dict[str, Any] = {"topologyKey": r.choice(KEYS), "labelSelector": random_selector(r)}
    what = r.random()
    if what < 0.2:
        term["namespaces"] = r.sample(sorted(NAMESPACES), 2)
    elif what < 0.4:
        term["namespaceSelector"] = r.choice([{}, {"matchLabels": {"team": "b"}}])
    if r.random() < 0.2:
        term["matchLabelKeys"] = ["version"]
    elif r.random() < 0.2:
        term["mismatchLabelKeys"] = ["version"]
    return term


def random_spread(r: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "topologyKey": r.choice(KEYS),
        "maxSkew": r.randint(1, 2),
        "whenUnsatisfiable": r.choice(["DoNotSchedule", "ScheduleAnyway"]),
        "labelSelector": random_selector(r),
    }
    if found["whenUnsatisfiable"] == "DoNotSchedule" and r.random() < 0.2:
        found["minDomains"] = r.randint(1, 3)
    if r.random() < 0.2:
        found["nodeAffinityPolicy"] = "Ignore"
    if r.random() < 0.3:
        found["nodeTaintsPolicy"] = "Honor"
    if r.random() < 0.2:
        found["matchLabelKeys"] = ["version"]
    return found


def random_pod(r: random.Random, name: str) -> PodInfo:
    spec: dict[str, Any] = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}]}
    affinity: dict[str, Any] = {}
    for kind in ("podAffinity", "podAntiAffinity"):
        terms: dict[str, Any] = {}
        if r.random() < 0.2:
            terms["requiredDuringSchedulingIgnoredDuringExecution"] = [
                random_term(r) for _ in range(r.choice([1, 1, 2]))
            ]
        if r.random() < 0.3:
            terms["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": r.randint(1, 100), "podAffinityTerm": random_term(r)} for _ in range(r.choice([1, 2]))
            ]
        if terms:
            affinity[kind] = terms
    if affinity:
        spec["affinity"] = affinity
    if r.random() < 0.4:
        spec["topologySpreadConstraints"] = [random_spread(r) for _ in range(r.choice([1, 2]))]
    if r.random() < 0.2:
        spec["nodeSelector"] = {"disk": "ssd"}
    if r.random() < 0.2:
        spec["tolerations"] = [{"operator": "Exists"}]
    labels = {"app": r.choice(["web", "db"]), **({"version": r.choice("12")} if r.random() < 0.6 else {})}
    metadata = {"name": name, "namespace": r.choice(sorted(NAMESPACES)), "uid": f"uid-{name}", "labels": labels}
    if r.random() < 0.1:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return podinfo.read({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def random_node(r: random.Random, name: str) -> Any:
    labels = {"topology.kubernetes.io/zone": r.choice("abc")} if r.random() < 0.8 else {}
    labels |= {"rack": r.choice("xy")} if r.random() < 0.7 else {}
    labels |= {"disk": "ssd"} if r.random() < 0.7 else {}
    return node(name, labels=labels, taints=r.sample(TAINTS, r.choice([0, 0, 0, 1])))


def known(cluster: Snapshot, namespaces: dict[str, dict[str, str]]) -> oracle_pods.Cluster:
    placed: dict[str, list[PodInfo]] = {}
    for pod, where in cluster.pods().values():
        placed.setdefault(where, []).append(pod)
    nodes = [cluster.node(row) for row in cluster.row_of.values()]
    return oracle_pods.Cluster(nodes, placed, namespaces, SERVICES)


@pytest.mark.parametrize("seed", range(40))
def test_columns_agree_with_the_rules_applied_one_by_one(seed: int) -> None:
    r = random.Random(seed)
    namespaces = {name: dict(labels) for name, labels in NAMESPACES.items()}
    cluster = snapshot(*(random_node(r, f"n{i}") for i in range(r.randint(2, 9))))
    for name, labels in namespaces.items():
        cluster.tallies.set_namespace(name, dict(labels))
    for index, (namespace, selector) in enumerate(SERVICES):
        cluster.groups.set("Service", namespace, f"s{index}", {"spec": {"selector": selector}})
    cycle = Cycle(cluster, PROFILE)
    kinds = [random_pod(r, f"kind-{number}") for number in range(5)]
    for step in range(40):
        asked = kinds[step % 5] if step % 3 else random_pod(r, f"pod-{step}")
        expected = oracle_pods.scores(asked, known(cluster, namespaces))
        found = cycle.scores(asked)
        names = {cluster.node(int(row)).name: int(found[row]) for row in np.flatnonzero(found >= 0)}
        assert names.keys() == expected.keys()
        assert len({names[name] - expected[name] for name in expected}) <= 1
        outcome = cycle.place(asked, r.randrange)
        if isinstance(outcome, Placement):
            cluster.add_pod(podinfo.read(_named(asked, f"{asked.name}-{step}")), outcome.node_name)
        else:
            assert outcome.reasons.keys() == cluster.row_of.keys()
            assert all(reasons for reasons in outcome.reasons.values())
        _something_happens(r, cluster, namespaces)


def _named(pod: PodInfo, name: str) -> dict[str, Any]:
    return {**pod.obj, "metadata": {**pod.obj["metadata"], "name": name, "uid": f"uid-{name}"}}


def _something_happens(r: random.Random, cluster: Snapshot, namespaces: dict[str, dict[str, str]]) -> None:
    what = r.random()
    if what < 0.2 and cluster.pods():
        cluster.remove_pod(r.choice(sorted(cluster.pods())))
    elif what < 0.3:
        cluster.set_node(random_node(r, f"n{r.randint(0, 12)}"))
    elif what < 0.35 and len(cluster) > 1:
        cluster.remove_node(r.choice(sorted(cluster.row_of)))
    elif what < 0.4:
        namespaces["third"] = {"team": r.choice("ab")}
        cluster.tallies.set_namespace("third", dict(namespaces["third"]))


def test_label_keys_that_the_api_server_has_merged_count_once() -> None:
    """With the values that the labels had at creation: in affinity, alone; in spreading, beside those of now."""
    merged = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "v", "operator": "In", "values": ["1"]}]}
    plain = {"matchLabels": {"app": "web"}}

    def terms(selector: dict[str, Any], version: str) -> PodTerms:
        term = {"labelSelector": selector, "topologyKey": "zone", "matchLabelKeys": ["v"]}
        affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        spec = {"affinity": affinity, "topologySpreadConstraints": [{**term, "maxSkew": 1}]}
        return read_terms(spec, "default", {"app": "web", "v": version})

    def found(terms: PodTerms) -> tuple[str, str]:
        return str(terms.affinity[0].query.parts[0].selector), str(terms.spread[0].selector)

    assert found(terms(merged, "1")) == found(terms(plain, "1"))
    pods = {version: PodClass("default", (("app", "web"), ("v", version))) for version in "12"}
    changed = terms(merged, "2")
    assert changed.affinity[0].query.matches(pods["1"], {})
    assert not any(changed.spread[0].query.matches(each, {}) for each in pods.values())


PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _liking(app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAffinity": {PREFERRED: [{"weight": 5, "podAffinityTerm": term}]}}


@pytest.mark.parametrize(("own", "scores"), [(None, None), ("nobody", [0, 100])])
def test_what_placed_pods_prefer_is_ignored_only_for_pods_that_prefer_nothing(
    own: str | None, scores: list[int] | None
) -> None:
    cluster = snapshot(node("a"), node("b"))
    cluster.add_pod(clusters.pod("there", affinity=_liking("web")), "b")
    asked = clusters.pod("p", affinity=_liking(own) if own else {}).obj
    asked["metadata"]["labels"] = {"app": "web"}
    plugin = InterPodAffinity(ignore_preferred_of_existing=True)
    found = plugin.score(podinfo.read(asked), cluster, cluster.present)
    assert (None if found is None else [int(found[cluster.row_of[name]]) for name in "ab"]) == scores
