"""The scheduler's rules once more, node by node in plain Python, from the documentation: what the columns must agree
with.
"""

from __future__ import annotations

from typing import Any

from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import NodeInfo

Placed = dict[str, list[PodInfo]]  # node name -> its pods


def feasible(pod: PodInfo, node: NodeInfo, placed: Placed) -> bool:
    return (
        (not node.unschedulable or any(_tolerates(t, _CORDON) for t in pod.tolerations))
        and pod.node_name in ("", node.name)
        and not _untolerated(pod, node, ("NoSchedule", "NoExecute"))
        and _chosen(pod, node)
        and _ports_free(pod, placed.get(node.name, []))
        and _fits(pod, node, placed.get(node.name, []))
    )


_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def scores(pod: PodInfo, nodes: list[NodeInfo], placed: Placed) -> dict[str, int]:
    """Of feasible nodes."""
    good = [node for node in nodes if feasible(pod, node, placed)]
    soft = {n.name: len(_untolerated(pod, n, ("PreferNoSchedule",), soft=True)) for n in good}
    terms = pod.node_affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or []
    liked = {n.name: sum(t["weight"] for t in terms if _term(t["preference"], n)) for n in good}
    most_soft, most_liked = max(soft.values(), default=0), max(liked.values(), default=0)
    found = {}
    for node in good:
        taints = 100 - (soft[node.name] * 100 // most_soft if most_soft else 0)
        affinity = liked[node.name] * 100 // most_liked if most_liked else 0
        here = placed.get(node.name, [])
        found[node.name] = 3 * taints + 2 * affinity + _least_allocated(pod, node, here) + _balanced(pod, node, here)
    return found


def _used(pods: list[PodInfo], resource: str) -> int:
    return sum(pod.requests.get(resource, 0) for pod in pods)


def _fits(pod: PodInfo, node: NodeInfo, here: list[PodInfo]) -> bool:
    if len(here) + 1 > node.allocatable.get("pods", 0):
        return False
    return all(
        _used(here, name) + amount <= node.allocatable.get(name, 0) for name, amount in pod.requests.items() if amount
    )


def _least_allocated(pod: PodInfo, node: NodeInfo, here: list[PodInfo]) -> int:
    parts = []
    for index, name in enumerate(("cpu", "memory")):
        whole = node.allocatable.get(name, 0)
        used = pod.scored[index] + sum(other.scored[index] for other in here)
        if whole:
            parts.append((whole - used) * 100 // whole if used <= whole else 0)
    return sum(parts) // len(parts) if parts else 0


def _balanced(pod: PodInfo, node: NodeInfo, here: list[PodInfo]) -> int:
    if not pod.requests.get("cpu") and not pod.requests.get("memory"):
        return 0
    after, before = (_balance(node, [*here, *more]) for more in ([pod], []))
    return 50 + (50 + after - before) // 2


def _balance(node: NodeInfo, pods: list[PodInfo]) -> int:
    wholes = {name: node.allocatable.get(name, 0) for name in ("cpu", "memory")}
    fractions = [min(1.0, _used(pods, name) / whole) for name, whole in wholes.items() if whole]
    deviation = abs((fractions[0] - fractions[1]) / 2) if len(fractions) == 2 else 0.0
    return int((1 - deviation) * 100)


def _ports_free(pod: PodInfo, here: list[PodInfo]) -> bool:
    for protocol, ip, port in pod.host_ports:
        for other in here:
            for their_protocol, their_ip, their_port in other.host_ports:
                meet = ip == their_ip or "0.0.0.0" in (ip, their_ip)
                if protocol == their_protocol and port == their_port and meet:
                    return False
    return True


def _untolerated(pod: PodInfo, node: NodeInfo, effects: tuple[str, ...], soft: bool = False) -> list[Any]:
    tolerations = [t for t in pod.tolerations if not soft or t.get("effect", "") in ("", "PreferNoSchedule")]
    hard = [taint for taint in node.taints if taint["effect"] in effects]
    return [taint for taint in hard if not any(_tolerates(t, taint) for t in tolerations)]


def _tolerates(toleration: Any, taint: Any) -> bool:
    if "effect" in toleration and toleration["effect"] != taint["effect"]:
        return False
    if "key" not in toleration:
        return bool(toleration["operator"] == "Exists")
    same = toleration["key"] == taint["key"]
    return same and (toleration["operator"] == "Exists" or toleration.get("value") == taint.get("value"))


def _chosen(pod: PodInfo, node: NodeInfo) -> bool:
    if any(node.labels.get(k) != v for k, v in pod.node_selector.items()):
        return False
    required = pod.node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term(term, node) for term in required["nodeSelectorTerms"])


def _term(term: Any, node: NodeInfo) -> bool:
    if any((node.name in field["values"]) != (field["operator"] == "In") for field in term.get("matchFields", [])):
        return False
    for expression in term.get("matchExpressions", []):
        have, values = node.labels.get(expression["key"]), expression.get("values", [])
        holds = {
            "In": have in values,
            "NotIn": have not in values,
            "Exists": have is not None,
            "DoesNotExist": have is None,
            "Gt": have is not None and have.isdecimal() and bool(values) and int(have) > int(values[0][:9] or 0)
            if values and values[0].isdecimal()
            else False,
            "Lt": int(have) < int(values[0])
            if have and have.isdecimal() and values and values[0].isdecimal()
            else False,
        }[expression["operator"]]
        if not holds:
            return False
    return True
