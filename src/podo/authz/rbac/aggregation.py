"""Aggregation: which rules a ClusterRole with an aggregationRule has by those that it selects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.values.selector import SelectorError, from_label_selector


def rules_of(role: Obj, roles: Sequence[Obj]) -> list[Obj]:
    """Those of the selected ``roles`` (by name), in the order of the selectors and then of names, each once."""
    rules: list[Obj] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        try:
            matches = from_label_selector(selector).matches
        except SelectorError:
            continue
        for other in roles:
            if name_of(other) != name_of(role) and matches(other["metadata"].get("labels") or {}):
                rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules


def with_rules(written: Iterable[Obj]) -> list[Obj]:
    """``written``, in its order, with the rules that its aggregating ClusterRoles come to: also by one another."""
    found = list(written)
    places = [place for place, obj in enumerate(found) if "aggregationRule" in obj]
    for _ in places:  # what one hands on has come through all of them by then
        roles = sorted((obj for obj in found if obj["kind"] == "ClusterRole"), key=name_of)
        for place in places:
            found[place] = {**found[place], "rules": rules_of(found[place], roles)}
    return found
