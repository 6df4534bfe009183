"""The rules between pods once more, node by node and pod by pod in plain Python: affinity, anti-affinity and spread."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import NodeInfo
from tests.unit.scheduler import oracle

Pod = dict[str, Any]


@dataclass
class Cluster:
    nodes: list[NodeInfo]
    placed: dict[str, list[PodInfo]]
    namespaces: dict[str, dict[str, str]]
    services: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # namespace, selector

    def pods(self) -> Iterator[tuple[Pod, NodeInfo]]:
        for node in self.nodes:
            for pod in self.placed.get(node.name, []):
                yield pod.obj, node


def feasible(pod: PodInfo, node: NodeInfo, cluster: Cluster) -> bool:
    return (
        oracle.feasible(pod, node, cluster.placed)
        and _spread_allows(pod, node, cluster)
        and _affinity_allows(pod.obj, node, cluster)
        and _anti_affinity_allows(pod.obj, node, cluster)
        and _others_allow(pod.obj, node, cluster)
    )


def scores(pod: PodInfo, cluster: Cluster) -> dict[str, int]:
    good = [node for node in cluster.nodes if feasible(pod, node, cluster)]
    base = oracle.scores(pod, good, cluster.placed)
    liked, spread = _liked(pod.obj, good, cluster), _spread_scores(pod, good, cluster)
    return {node.name: base[node.name] + 2 * liked[node.name] + 2 * spread[node.name] for node in good}


# Selectors


def selects(selector: Any, labels: dict[str, str]) -> bool:
    if selector is None:
        return False
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for e in selector.get("matchExpressions") or []:
        have, values = labels.get(e["key"]), e.get("values", [])
        holds = {"In": have in values, "NotIn": have not in values, "Exists": have is not None}
        if not holds.get(e["operator"], have is None):
            return False
    return True


def labels_of(pod: Pod) -> dict[str, str]:
    return dict(pod["metadata"].get("labels") or {})


def _term_matches(term: Any, owner: Pod, other: Pod, cluster: Cluster) -> bool:
    """Does the term, of a pod ``owner``, match the pod ``other``?"""
    namespace = other["metadata"]["namespace"]
    listed, chosen = term.get("namespaces"), term.get("namespaceSelector")
    if not listed and chosen is None:
        listed = [owner["metadata"]["namespace"]]
    inside = namespace in (listed or ()) or selects(chosen, cluster.namespaces[namespace])
    mine, theirs = labels_of(owner), labels_of(other)
    same = all(theirs.get(k) == mine[k] for k in term.get("matchLabelKeys", []) if k in mine)
    differ = all(theirs.get(k) != mine[k] for k in term.get("mismatchLabelKeys", []) if k in mine)
    return inside and same and differ and selects(term.get("labelSelector"), theirs)


def _terms(pod: Pod, kind: str, how: str) -> list[Any]:
    affinity = (pod["spec"].get("affinity") or {}).get(kind) or {}
    return list(affinity.get(f"{how}DuringSchedulingIgnoredDuringExecution") or [])


# Affinity


def _affinity_allows(pod: Pod, node: NodeInfo, cluster: Cluster) -> bool:
    terms = _terms(pod, "podAffinity", "required")

    def all_match(other: Pod) -> bool:
        return all(_term_matches(term, pod, other, cluster) for term in terms)

    if any(term["topologyKey"] not in node.labels for term in terms):
        return False
    wanted = [(other, where) for other, where in cluster.pods() if all_match(other)]
    counted = [(t, w) for _, w in wanted for t in terms if t["topologyKey"] in w.labels]
    if not counted and all_match(pod):
        return True
    return all(any(_together(term, where, node) for _, where in wanted) for term in terms)


def _together(term: Any, one: NodeInfo, two: NodeInfo) -> bool:
    key = term["topologyKey"]
    return key in one.labels and one.labels[key] == two.labels.get(key)


def _anti_affinity_allows(pod: Pod, node: NodeInfo, cluster: Cluster) -> bool:
    return not any(
        _together(term, where, node) and _term_matches(term, pod, other, cluster)
        for term in _terms(pod, "podAntiAffinity", "required")
        for other, where in cluster.pods()
    )


def _others_allow(pod: Pod, node: NodeInfo, cluster: Cluster) -> bool:
    return not any(
        _together(term, where, node) and _term_matches(term, other, pod, cluster)
        for other, where in cluster.pods()
        for term in _terms(other, "podAntiAffinity", "required")
    )


def _liked(pod: Pod, good: list[NodeInfo], cluster: Cluster) -> dict[str, int]:
    raw = {node.name: _likes(pod, node, cluster) for node in good}
    least, most = min(raw.values(), default=0), max(raw.values(), default=0)
    if least == most:
        return dict.fromkeys(raw, 0)
    return {name: int(100.0 * ((value - least) / (most - least))) for name, value in raw.items()}


def _likes(pod: Pod, node: NodeInfo, cluster: Cluster) -> int:
    total = 0
    for other, where in cluster.pods():
        for owner, asked in ((pod, other), (other, pod)):
            for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
                for each in _terms(owner, kind, "preferred"):
                    term = each["podAffinityTerm"]
                    if _together(term, where, node) and _term_matches(term, owner, asked, cluster):
                        total += sign * each["weight"]
        for term in _terms(other, "podAffinity", "required"):
            total += int(_together(term, where, node) and _term_matches(term, other, pod, cluster))
    return total


# Spread

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def _constraints(pod: Pod, how: str, cluster: Cluster) -> tuple[list[Any], bool]:
    """The constraints, and whether nodes without their labels are left out."""
    own = pod["spec"].get("topologySpreadConstraints") or []
    if own:
        return [c for c in own if c["whenUnsatisfiable"] == how], True
    merged: dict[str, str] = {}
    for namespace, selector in cluster.services:
        if namespace == pod["metadata"]["namespace"] and selects({"matchLabels": selector}, labels_of(pod)):
            merged.update(selector)
    if how == "DoNotSchedule" or not merged:
        return [], False
    base = {"whenUnsatisfiable": how, "labelSelector": {"matchLabels": merged}}
    return [{**base, "topologyKey": HOSTNAME, "maxSkew": 3}, {**base, "topologyKey": ZONE, "maxSkew": 5}], False


def _counts(constraint: Any, pod: Pod, node: NodeInfo, cluster: Cluster) -> int:
    keys = [key for key in constraint.get("matchLabelKeys", []) if key in labels_of(pod)]
    if constraint.get("labelSelector") == {} and not keys:
        return 0  # an empty selector counts nobody
    found = 0
    for other in cluster.placed.get(node.name, []):
        meta = other.obj["metadata"]
        if meta["namespace"] == pod["metadata"]["namespace"] and not meta.get("deletionTimestamp"):
            found += _selected(constraint, pod, other.obj)
    return found


def _selected(constraint: Any, pod: Pod, other: Pod) -> bool:
    mine, theirs = labels_of(pod), labels_of(other)
    same = all(theirs.get(k) == mine[k] for k in constraint.get("matchLabelKeys", []) if k in mine)
    return same and selects(constraint.get("labelSelector"), theirs)


def _included(constraint: Any, pod: PodInfo, node: NodeInfo) -> bool:
    honors = constraint.get("nodeAffinityPolicy", "Honor") == "Honor"
    if honors and not oracle._chosen(pod, node):
        return False
    taints = constraint.get("nodeTaintsPolicy", "Ignore") == "Honor"
    return not (taints and oracle._untolerated(pod, node, ("NoSchedule", "NoExecute")))


def _spread_allows(pod: PodInfo, node: NodeInfo, cluster: Cluster) -> bool:
    wanted, _ = _constraints(pod.obj, "DoNotSchedule", cluster)
    keys = [c["topologyKey"] for c in wanted]
    if any(key not in node.labels for key in keys):
        return False
    for constraint in wanted:
        key = constraint["topologyKey"]
        sums: dict[str, int] = {}
        for each in cluster.nodes:
            if all(k in each.labels for k in keys) and _included(constraint, pod, each):
                value = each.labels[key]
                sums[value] = sums.get(value, 0) + _counts(constraint, pod.obj, each, cluster)
        least = 0 if len(sums) < constraint.get("minDomains", 1) else min(sums.values())
        itself = int(_selected(constraint, pod.obj, pod.obj))
        if sums.get(node.labels[key], 0) + itself - least > constraint["maxSkew"]:
            return False
    return True


def _spread_scores(pod: PodInfo, good: list[NodeInfo], cluster: Cluster) -> dict[str, int]:
    wanted, strict = _constraints(pod.obj, "ScheduleAnyway", cluster)
    if not wanted:
        return {node.name: 0 for node in good}
    keys = [c["topologyKey"] for c in wanted]
    has_all: Callable[[NodeInfo], bool] = lambda n: not strict or all(k in n.labels for k in keys)  # noqa: E731
    counted = [node for node in good if has_all(node)]
    raw: dict[str, int] = {}
    for node in counted:
        cost = 0.0
        for c in wanted:
            key = c["topologyKey"]
            if key not in node.labels:
                continue
            if key == HOSTNAME:
                count, size = _counts(c, pod.obj, node, cluster), len(counted)
            else:
                size = len({other.labels.get(key) for other in counted})
                count = sum(
                    _counts(c, pod.obj, other, cluster)
                    for other in cluster.nodes
                    if has_all(other) and _included(c, pod, other) and other.labels.get(key) == node.labels[key]
                )
            cost += count * math.log(size + 2) + (c["maxSkew"] - 1)
        raw[node.name] = math.floor(cost + 0.5)
    most, least = max(raw.values(), default=0), min(raw.values(), default=0)
    found = {name: 100 * (most + least - value) // most if most else 100 for name, value in raw.items()}
    return {node.name: found.get(node.name, 0) for node in good}
