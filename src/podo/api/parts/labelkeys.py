"""``matchLabelKeys`` and ``mismatchLabelKeys``: keys whose values a new pod's own labels give. They become part of the
label selectors beside them once, when the pod is made (KEP-3633, KEP-3243), and what is merged is judged with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.parts.nodeselector import PREFERRED, REQUIRED
from podo.api.rules import Found, check_text, forbidden, invalid
from podo.values import names

Term = dict[str, Any]
_OPERATORS = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def merge(spec: dict[str, Any], labels: Mapping[str, str]) -> None:
    """Put what the keys stand for into the selectors of a new pod's spec. What changes is replaced, not changed."""
    if constraints := spec.get("topologySpreadConstraints"):
        spec["topologySpreadConstraints"] = [_merged(each, labels) for each in constraints]
    affinity = spec.get("affinity") or {}
    pods = {kind: _of_pods(affinity[kind], labels) for kind in ("podAffinity", "podAntiAffinity") if affinity.get(kind)}
    if pods:
        spec["affinity"] = {**affinity, **pods}


def _of_pods(affinity: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    found = dict(affinity)
    if terms := affinity.get(REQUIRED):
        found[REQUIRED] = [_merged(term, labels) for term in terms]
    if weighted := affinity.get(PREFERRED):
        found[PREFERRED] = [
            {**one, "podAffinityTerm": _merged(one.get("podAffinityTerm") or {}, labels)} for one in weighted
        ]
    return found


def _merged(term: Term, labels: Mapping[str, str]) -> Term:
    selector = term.get("labelSelector")
    if selector is None:  # it matches nothing
        return term
    added = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for field, operator in _OPERATORS
        for key in term.get(field) or ()
        if key in labels
    ]
    if not added:
        return term
    return {
        **term,
        "labelSelector": {**selector, "matchExpressions": [*(selector.get("matchExpressions") or ()), *added]},
    }


def check_label_keys(term: Term, path: str, found: Found) -> None:
    """Of a term or constraint: the keys are labels' names, and the selector says nothing else of them. ``path`` is the
    term's."""
    selector = term.get("labelSelector")
    same, other = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    for field, keys in (("matchLabelKeys", same), ("mismatchLabelKeys", other)):
        if keys and selector is None:
            found.append(forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set"))
            continue
        for index, key in enumerate(keys):
            check_text(f"{path}.{field}[{index}]", key, names.qualified_name, found)
    if selector is not None and same:
        _check_said_once(selector, {key: index for index, key in enumerate(same)}, path, found)
    for index, key in enumerate(same):
        if key in other:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            found.append(invalid(f"{path}.matchLabelKeys[{index}]", key, why))


def _check_said_once(selector: dict[str, Any], keys: Mapping[str, int], path: str, found: Found) -> None:
    """One mention is the merged one."""
    said = set(selector.get("matchLabels") or ())
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key") or ""
        if key in keys and key in said:
            found.append(invalid(f"{path}[{keys[key]}]", key, "exists in both matchLabelKeys and labelSelector"))
        said.add(key)
