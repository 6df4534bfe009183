"""NodeAffinity: nodeSelector and required node affinity must match the node; preferred terms that match add their
weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.scheduler.plugins.contract import ClusterEvent, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, NodeInfo, Numbers, Rows, Snapshot

_REASON = Reason("NodeAffinity", "node(s) didn't match Pod's node affinity/selector", unresolvable=True)
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def matches(pod: PodInfo, node: NodeInfo) -> bool:
    """Does the node have what the pod requires?"""
    if any(node.labels.get(key) != value for key, value in pod.node_selector.items()):
        return False
    required = pod.node_affinity.get(_REQUIRED)
    return required is None or any(term_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def term_matches(term: Mapping[str, Any], node: NodeInfo) -> bool:
    """All expressions of a term must hold; a term without any matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return _hold(expressions, node.labels) and _hold(fields, {"metadata.name": node.name})


def _hold(expressions: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    return all(_holds(expression, labels.get(expression["key"])) for expression in expressions)


def _holds(expression: Mapping[str, Any], have: str | None) -> bool:
    operator, values = expression["operator"], expression.get("values") or ()
    if operator == "In":
        return have in values
    if operator == "NotIn":
        return have not in values
    if operator == "Exists":
        return have is not None
    if operator == "DoesNotExist":
        return have is None
    return have is not None and _compares(operator, have, values)


def _compares(operator: str, have: str, values: Any) -> bool:
    try:
        (bound,) = values
        return int(have) > int(bound) if operator == "Gt" else operator == "Lt" and int(have) < int(bound)
    except ValueError:
        return False


class NodeAffinity:
    name = "NodeAffinity"
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS})
    weight = 2
    normal = Normal.UP

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.node_selector and _REQUIRED not in pod.node_affinity:
            return None
        return snapshot.derived(("affinity", pod.node_choice_key), lambda node: matches(pod, node), bool)[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_REASON,)

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        terms = pod.node_affinity.get(_PREFERRED)
        if not terms:
            return None

        def make(node: NodeInfo) -> int:
            return sum(term["weight"] for term in terms if term_matches(term.get("preference") or {}, node))

        return snapshot.derived(("preferred affinity", pod.node_choice_key), make, int)[rows]
