"""What a Pod must be like, and the little of it that an update may change.

Source: API reference Pod; documentation "Pod update and replacement".
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.rules import Found, forbidden, invalid

_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
#: Fields whose changes are judged one by one, not by "may not change".
_OWN_RULE = frozenset(
    ("containers", "initContainers", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
)
_MIRROR = "kubernetes.io/config.mirror"
_GATED = frozenset(("nodeSelector", "affinity"))


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Pod."""
    found: Found = []
    _check_mirror(new, old, found)
    if old is not None and new["spec"] == old["spec"]:
        return found  # it was checked when it was written
    check_pod_spec(new.get("spec") or {}, "spec", found)
    if old is None:
        if new["spec"].get("ephemeralContainers"):
            found.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    else:
        _check_update(new["spec"], old["spec"], found)
    return found


def _check_mirror(new: Obj, old: Obj | None, found: Found) -> None:
    """A node's copy of a pod from its own files is one from its beginning to its end."""
    value = (new["metadata"].get("annotations") or {}).get(_MIRROR)
    path = f"metadata.annotations[{_MIRROR}]"
    if old is None:
        if value is not None and not new["spec"].get("nodeName"):
            found.append(invalid(path, value, "must set spec.nodeName if mirror pod annotation is set"))
        return
    before = (old["metadata"].get("annotations") or {}).get(_MIRROR)
    if before is None and value is not None:
        found.append(forbidden(path, "may not add mirror pod annotation"))
    elif before != value:
        found.append(forbidden(path, "may not remove or update mirror pod annotation"))


def _check_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    for field in ("containers", "initContainers"):
        if len(new.get(field) or ()) != len(old.get(field) or ()):
            why = "pod updates may not add or remove containers"
            found.append(forbidden(f"spec.{field}", why))
            return
    _check_deadline(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"), found)
    _check_tolerations(new.get("tolerations") or [], old.get("tolerations") or [], found)
    _check_gates(new.get("schedulingGates") or [], old.get("schedulingGates") or [], found)
    if _changes_more(new, old):
        found.append(forbidden("spec", _FIXED))


def _changes_more(new: dict[str, Any], old: dict[str, Any]) -> bool:
    free = _OWN_RULE | {"schedulingGates"}
    if old.get("schedulingGates"):
        free |= _GATED
    if any(not _same(new.get(field), old.get(field)) for field in (new.keys() | old.keys()) - free):
        return True
    for field in ("containers", "initContainers"):
        for after, before in zip(new.get(field) or (), old.get(field) or (), strict=True):
            if any(not _same(after.get(k), before.get(k)) for k in (after.keys() | before.keys()) - {"image"}):
                return True
    after, before = new.get("terminationGracePeriodSeconds"), old.get("terminationGracePeriodSeconds")
    return after != before and not (after == 1 and before is not None and before < 0)


def _same(new: Any, old: Any) -> bool:
    """Equal, or both empty: an absent field and its empty value are one on the wire."""
    return new == old or (not new and not old)


def _check_deadline(new: int | None, old: int | None, found: Found) -> None:
    path = "spec.activeDeadlineSeconds"
    if old is None or new == old:
        return
    if new is None:
        found.append(invalid(path, new, "must not update from a positive integer to nil value"))
    elif new > old:
        found.append(invalid(path, new, "must be less than or equal to previous value"))


def _check_tolerations(new: list[dict[str, Any]], old: list[dict[str, Any]], found: Found) -> None:
    kept = [_without_seconds(toleration) for toleration in new]
    if any(_without_seconds(toleration) not in kept for toleration in old):
        why = "existing toleration can not be modified except its tolerationSeconds"
        found.append(forbidden("spec.tolerations", why))


def _without_seconds(toleration: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in toleration.items() if field != "tolerationSeconds" and value}


def _check_gates(new: list[dict[str, Any]], old: list[dict[str, Any]], found: Found) -> None:
    if any(gate not in old for gate in new):
        why = "only deletion is allowed, but found new scheduling gate"
        found.append(forbidden("spec.schedulingGates", why))
