"""ClusterRole aggregation: a ClusterRole with an aggregationRule has the rules of all ClusterRoles that it selects."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of
from podo.reconcile.actions import Action, Patch
from podo.reconcile.declare import Key, View, controller
from podo.values.selector import SelectorError, from_label_selector


def _aggregating(changed: Obj, view: View) -> Iterator[Key]:
    """Any role may be, or have been, selected by any of the few that aggregate."""
    for role in view.list("ClusterRole"):
        if role.get("aggregationRule"):
            yield Key("", name_of(role))


@controller(reconciles="ClusterRole", watches={"ClusterRole": _aggregating})
def reconcile(key: Key, view: View) -> Iterator[Action]:
    role = view.get("ClusterRole", key.name)
    if role is None or is_deleting(role) or not role.get("aggregationRule"):
        return
    wanted = _rules(role, view)
    if (role.get("rules") or []) != wanted:
        yield Patch(role, {"rules": wanted})


def _rules(role: Obj, view: View) -> list[Obj]:
    """Those of the selected roles, in the order of the selectors and then of names, each once."""
    rules: list[Obj] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        try:
            matches = from_label_selector(selector).matches
        except SelectorError:
            continue
        for other in view.list("ClusterRole"):
            if name_of(other) != name_of(role) and matches(other["metadata"].get("labels") or {}):
                rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules
