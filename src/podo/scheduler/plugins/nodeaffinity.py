"""NodeAffinity: nodeSelector and required node affinity must match the node; preferred terms that match add their
weight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from podo.api.parts.nodeselector import PREFERRED, REQUIRED, allows, term_allows
from podo.scheduler.plugins.contract import ClusterEvent, Normal, Only
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, NodeInfo, Numbers, Rows, Snapshot

NAME = "NodeAffinity"
_REASON = Reason(NAME, "node(s) didn't match Pod's node affinity/selector", unresolvable=True)
_ENFORCED = Reason(NAME, "node(s) didn't match scheduler-enforced node affinity", unresolvable=True)
_NOT_NAMED = Reason(NAME, f"node(s) didn't satisfy plugin(s) [{NAME}]", unresolvable=True)
_CONFLICT = Reason(NAME, "pod affinity terms conflict", unresolvable=True, everywhere=True)


def matches(pod: PodInfo, node: NodeInfo) -> bool:
    """Does the node have what the pod requires?"""
    return allows(pod.node_selector, pod.node_affinity, node.labels, node.name)


def term_matches(term: Mapping[str, Any], node: NodeInfo) -> bool:
    return term_allows(term, node.labels, node.name)


def allowed(pod: PodInfo, snapshot: Snapshot) -> Mask | None:
    """The column of nodes that have what the pod requires; None where it requires nothing."""
    if not pod.node_selector and REQUIRED not in pod.node_affinity:
        return None
    return snapshot.derived(("affinity", pod.node_choice_key), lambda node: matches(pod, node), bool)


class NodeAffinity:
    name = NAME
    wide = False
    amounts_only = False
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_LABELS})
    normal = Normal.UP

    def __init__(self, added: Mapping[str, Any] | None = None) -> None:
        """``added``: node affinity that every pod of the profile has besides its own."""
        self._added = added or {}

    def only(self, pod: PodInfo, snapshot: Snapshot) -> Only | None:
        """The nodes that the required terms name, as those of a DaemonSet's pods do."""
        names: frozenset[str] = frozenset()
        terms = (pod.node_affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()
        for term in terms:
            named = [set(field["values"]) for field in term.get("matchFields") or () if field["operator"] == "In"]
            if not named:
                return None
            names |= set.intersection(*named)
        return (names, _NOT_NAMED if names else _CONFLICT) if terms else None

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        column = allowed(pod, snapshot)
        if REQUIRED in self._added:
            enforced = self._enforced(snapshot)
            column = enforced if column is None else enforced & column
        return None if column is None else column[rows]

    def _enforced(self, snapshot: Snapshot) -> Mask:
        key = ("added affinity", json.dumps(self._added, sort_keys=True))
        return snapshot.derived(key, lambda node: allows({}, self._added, node.labels, node.name), bool)

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_REASON,) if REQUIRED not in self._added or self._enforced(snapshot)[row] else (_ENFORCED,)

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        terms = [*(pod.node_affinity.get(PREFERRED) or ()), *(self._added.get(PREFERRED) or ())]
        if not terms:
            return None

        def make(node: NodeInfo) -> int:
            return sum(term["weight"] for term in terms if term_matches(term.get("preference") or {}, node))

        whose = id(self) if self._added else 0
        return snapshot.derived(("preferred affinity", pod.node_choice_key, whose), make, int)[rows]
