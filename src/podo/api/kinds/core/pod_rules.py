"""What a Pod must be like, and the little of it that an update may change.

Source: API reference Pod; documentation "Pod update and replacement".
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.core.pod_gated import check_more_wanted
from podo.api.parts import pod_annotations
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.parts.specdiff import difference
from podo.api.rules import Found, forbidden, invalid

_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_INT32_MAX = 2**31 - 1
_LISTS = ("containers", "initContainers")
#: Fields that have a rule of their own.
_OWN_RULE = frozenset((*_LISTS, "activeDeadlineSeconds", "tolerations", "schedulingGates"))
Spec = dict[str, Any]


def problems(new: Obj, old: Obj | None) -> Found:
    """All that is wrong with a Pod."""
    found: Found = []
    metadata, spec = new["metadata"], new["spec"]
    if metadata.get("annotations"):
        pod_annotations.check(metadata, spec, "metadata.annotations", found)
    if old is not None and spec == old["spec"]:  # it was checked when it was written
        pod_annotations.check_update(metadata, old["metadata"], found)
        return found
    check_pod_spec(spec, "spec", found, metadata.get("name") or "?")
    if spec.get("resourceClaims") and pod_annotations.MIRROR in (metadata.get("annotations") or ()):
        found.append(forbidden("", "static pods do not support resource claims"))
    if old is None:
        _check_new(new, found)
    else:
        pod_annotations.check_update(metadata, old["metadata"], found)
        _check_update(spec, old["spec"], found)
    return found


def _check_new(new: Obj, found: Found) -> None:
    spec = new["spec"]
    if spec.get("ephemeralContainers"):
        found.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        found.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    if new["metadata"].get("annotations"):
        pod_annotations.check_agreement(new["metadata"], spec, "spec", found)


def _check_update(new: Spec, old: Spec, found: Found) -> None:
    for field in _LISTS:
        if len(new.get(field) or ()) != len(old.get(field) or ()):
            found.append(forbidden(f"spec.{field}", "pod updates may not add or remove containers"))
            return
    if not _check_deadline(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"), found):
        return
    _check_tolerations(new.get("tolerations") or [], old.get("tolerations") or [], found)
    _check_gates(new.get("schedulingGates") or [], old.get("schedulingGates") or [], found)
    wanted = check_more_wanted(new, old, found) if old.get("schedulingGates") else new
    _check_rest(wanted, old, found)


def _check_rest(new: Spec, old: Spec, found: Found) -> None:
    """All that has no rule of its own stays."""
    after = {field: value for field, value in new.items() if field not in _OWN_RULE}
    before = {field: value for field, value in old.items() if field not in _OWN_RULE}
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and after.get("terminationGracePeriodSeconds") == 1:
        after["terminationGracePeriodSeconds"] = grace
    for field in _LISTS:
        pairs = list(zip(new.get(field) or (), old.get(field) or (), strict=True))
        after[field] = [{**one, "image": other.get("image")} for one, other in pairs]
        before[field] = [{**other, "image": other.get("image")} for _, other in pairs]
    if text := difference(before, after):
        found.append(forbidden("spec", f"{_FIXED}\n{text}"))


def _check_deadline(new: int | None, old: int | None, found: Found) -> bool:
    """False where upstream looks no further."""
    path = "spec.activeDeadlineSeconds"
    if new is None:
        if old is not None:
            found.append(invalid(path, new, "must not update from a positive integer to nil value"))
    elif not 0 <= new <= _INT32_MAX:
        found.append(invalid(path, new, f"must be between 0 and {_INT32_MAX}, inclusive"))
        return False
    elif old is not None and new > old:
        found.append(invalid(path, new, "must be less than or equal to previous value"))
        return False
    return True


def _check_tolerations(new: list[Spec], old: list[Spec], found: Found) -> None:
    kept = [_without_seconds(toleration) for toleration in new]
    if any(_without_seconds(toleration) not in kept for toleration in old):
        why = "existing toleration can not be modified except its tolerationSeconds"
        found.append(forbidden("spec.tolerations", why))


def _without_seconds(toleration: Spec) -> Spec:
    return {field: value for field, value in toleration.items() if field != "tolerationSeconds" and value}


def _check_gates(new: list[Spec], old: list[Spec], found: Found) -> None:
    known = {gate.get("name") for gate in old}
    for index, gate in enumerate(new):
        if (name := gate.get("name")) not in known:
            why = f"only deletion is allowed, but found new scheduling gate '{name}'"
            found.append(forbidden(f"spec.schedulingGates[{index}].name", why))
