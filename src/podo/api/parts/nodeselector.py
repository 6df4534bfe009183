"""Node selectors: the nodes that nodeSelector and required affinity allow. Source: API reference NodeSelector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
Labels = Mapping[str, str]


def allows(selector: Labels, affinity: Mapping[str, Any], labels: Labels, name: str) -> bool:
    """Does a node (its labels and name) have what ``nodeSelector`` and ``affinity.nodeAffinity`` require?"""
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    required = affinity.get(REQUIRED)
    return required is None or any(term_allows(term, labels, name) for term in required.get("nodeSelectorTerms") or ())


def term_allows(term: Mapping[str, Any], labels: Labels, name: str) -> bool:
    """All expressions of a term must hold; a term without any allows nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return _hold(expressions, labels) and _hold(fields, {"metadata.name": name})


def _hold(expressions: Iterable[Mapping[str, Any]], labels: Labels) -> bool:
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
