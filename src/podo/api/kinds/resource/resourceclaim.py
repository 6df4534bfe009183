"""ResourceClaim and ResourceClaimTemplate (resource.k8s.io/v1): devices that a pod needs."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.resource.device_rules import GROUP, check_claim, fill_in_claim
from podo.api.meta import is_deleting
from podo.api.rules import Found, check_immutable, check_unique, forbidden, required, too_many

_CONSUMERS_MAX = 256


def _fill_in(claim: Obj) -> None:
    fill_in_claim(claim.get("spec") or {})


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    if old is not None:
        check_immutable("spec", spec, old.get("spec") or {}, found)
    else:
        check_claim(spec.get("devices") or {}, "spec.devices", found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    users = status.get("reservedFor") or []
    if len(users) > _CONSUMERS_MAX:
        found.append(too_many("status.reservedFor", len(users), _CONSUMERS_MAX))
    seen: set[str] = set()
    for index, user in enumerate(users[:_CONSUMERS_MAX]):
        path = f"status.reservedFor[{index}]"
        found.extend(required(f"{path}.{field}") for field in ("resource", "name", "uid") if not user.get(field))
        uid = user.get("uid") or ""
        check_unique(f"{path}.uid", uid, seen, found)
    before = (old or {}).get("status") or {}
    if users and not status.get("allocation"):
        found.append(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"))
    elif is_deleting(new) and any(user not in (before.get("reservedFor") or ()) for user in users):
        why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        found.append(forbidden("status.reservedFor", why))
    if before.get("allocation") and status.get("allocation"):
        check_immutable("status.allocation", status["allocation"], before["allocation"], found)
    return found


def _state(claim: Obj) -> str:
    status = claim.get("status") or {}
    states = {
        "deleted": is_deleting(claim),
        "allocated": bool(status.get("allocation")),
        "reserved": bool(status.get("reservedFor")),
    }
    return ",".join(state for state, holds in states.items() if holds) or "pending"


RESOURCECLAIM = Kind(
    group=GROUP,
    version="v1",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    fill_in=_fill_in,
    problems=_problems,
    status_problems=_status_problems,
    columns=(NAME, column("State", _state), AGE),
    subresources=frozenset({"status"}),
)


def _fill_in_template(template: Obj) -> None:
    fill_in_claim((template.get("spec") or {}).get("spec") or {})


def _template_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    if old is not None:
        check_immutable("spec", spec, old.get("spec") or {}, found)
    else:
        check_claim((spec.get("spec") or {}).get("devices") or {}, "spec.spec.devices", found)
    return found


RESOURCECLAIMTEMPLATE = Kind(
    group=GROUP,
    version="v1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    fill_in=_fill_in_template,
    problems=_template_problems,
    columns=(NAME, AGE),
)
