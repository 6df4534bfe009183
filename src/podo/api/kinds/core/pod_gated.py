"""What may still change of a pod that scheduling gates hold back: it may be bound to fewer nodes, never to others
(KEP-3838)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.nodeselector import REQUIRED
from podo.api.rules import Found, invalid

Spec = dict[str, Any]


def check_more_wanted(new: Spec, old: Spec, found: Found) -> Spec:
    """Judges the changes of ``nodeSelector`` and of node affinity; returns ``new`` with both as they were."""
    selector, before = new.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if before.items() - selector.items():
        why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        found.append(invalid("spec.nodeSelector", selector or None, why))
    _check_affinity(_node_affinity(new), _node_affinity(old), found)
    return {**new, "nodeSelector": old.get("nodeSelector"), "affinity": _affinity(new, old)}


def _node_affinity(spec: Spec) -> Spec:
    return (spec.get("affinity") or {}).get("nodeAffinity") or {}


def _affinity(new: Spec, old: Spec) -> Spec | None:
    """That of ``new``, to nodes as it was."""
    others = {kind: value for kind, value in (new.get("affinity") or {}).items() if kind != "nodeAffinity"}
    if before := _node_affinity(old):
        others["nodeAffinity"] = before
    return others or None


def _check_affinity(new: Spec, old: Spec, found: Found) -> None:
    path = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    before, after = ((one.get(REQUIRED) or {}).get("nodeSelectorTerms") or [] for one in (old, new))
    if not before:
        return
    if len(before) != len(after):
        why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        found.append(invalid(path, after or None, why))
        return
    for index, (one, other) in enumerate(zip(after, before, strict=True)):
        if not _adds_only(one, other):
            why = "only additions are allowed (no mutations or deletions)"
            found.append(invalid(f"{path}[{index}]", one, why))


def _adds_only(new: Spec, old: Spec) -> bool:
    """A term without expressions matches nothing: with one it might match something."""
    lists = [(new.get(field) or [], old.get(field) or []) for field in ("matchExpressions", "matchFields")]
    if not any(before for _, before in lists):
        return not any(after for after, _ in lists)
    return all(after[: len(before)] == before for after, before in lists)
