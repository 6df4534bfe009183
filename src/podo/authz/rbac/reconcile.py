"""Keeping the default roles and bindings: what must be added to those that are there.

An administrator may add rules and subjects to them, and keep one from being touched by the annotation
``rbac.authorization.kubernetes.io/autoupdate: "false"``.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.authz.rbac.cover import compact, missing
from podo.authz.rbac.written import AUTOUPDATE


def reconciled(there: Obj, wanted: Obj) -> Obj | None:
    """``there`` with all that ``wanted`` has and it lacks; None where nothing has to change."""
    metadata = there["metadata"]
    if (metadata.get("annotations") or {}).get(AUTOUPDATE) == "false":
        return None
    new = {**there, "metadata": _with_metadata(metadata, wanted["metadata"])}
    if "aggregationRule" in wanted:
        _add_selectors(new, wanted)
    elif "rules" in wanted:
        _add_rules(new, wanted)
    elif "roleRef" in wanted:
        _add_subjects(new, wanted)
    return None if new == there else new


def _with_metadata(there: Obj, wanted: Obj) -> Obj:
    found = dict(there)
    for field in ("labels", "annotations"):
        found[field] = {**(there.get(field) or {}), **wanted[field]}
    return found


def _add_rules(new: Obj, wanted: Obj) -> None:
    if new.get("rules") == wanted["rules"]:  # at nearly every start
        return
    lacking = missing(new.get("rules") or [], wanted["rules"])
    if lacking:
        new["rules"] = [*(new.get("rules") or ()), *compact(lacking)]


def _add_selectors(new: Obj, wanted: Obj) -> None:
    present = (new.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    lacking = [one for one in wanted["aggregationRule"]["clusterRoleSelectors"] if one not in present]
    if lacking:
        new["aggregationRule"] = {"clusterRoleSelectors": [*present, *lacking]}


def _add_subjects(new: Obj, wanted: Obj) -> None:
    present = new.get("subjects") or []
    lacking = [one for one in wanted.get("subjects") or () if one not in present]
    if lacking:
        new["subjects"] = [*present, *lacking]
