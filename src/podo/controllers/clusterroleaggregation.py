"""ClusterRole aggregation: a ClusterRole with an aggregationRule has the rules of all ClusterRoles that it selects."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of
from podo.authz.rbac.aggregation import rules_of
from podo.reconcile.actions import Action, Patch
from podo.reconcile.declare import Key, View, controller


def _aggregates(role: Obj) -> bool:
    return bool(role.get("aggregationRule"))


def _aggregating(changed: Obj, view: View) -> Iterator[Key]:
    """Any role may be, or have been, selected by any of the few that aggregate."""
    for role in view.list("ClusterRole"):
        if _aggregates(role):
            yield Key("", name_of(role))


@controller(reconciles="ClusterRole", watches={"ClusterRole": _aggregating}, minds=_aggregates)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    role = view.get("ClusterRole", key.name)
    if role is None or is_deleting(role) or not _aggregates(role):
        return
    wanted = rules_of(role, view.list("ClusterRole"))
    if (role.get("rules") or []) != wanted:
        yield Patch(role, {"rules": wanted})
