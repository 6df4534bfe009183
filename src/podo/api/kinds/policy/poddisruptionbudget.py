"""PodDisruptionBudget (policy/v1): how many of some pods may be away at once by someone's will."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts.condition_rules import check_conditions
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.rolling import check_not_more_than_all, check_share
from podo.api.rules import Found, check_not_negative, check_one_of, invalid

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def _fill_in(budget: Obj) -> None:
    budget["spec"] = budget.get("spec") or {}


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        found.append(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for field, share in (("minAvailable", least), ("maxUnavailable", most)):
        check_share(f"spec.{field}", share, found)
        check_not_more_than_all(f"spec.{field}", share, found)
    if (selector := spec.get("selector")) is not None:
        check_label_selector(selector, "spec.selector", found)
    if (policy := spec.get("unhealthyPodEvictionPolicy")) is not None:
        check_one_of("spec.unhealthyPodEvictionPolicy", policy, _POLICIES, found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    check_conditions(status.get("conditions") or [], "status.conditions", found)
    for field in _COUNTS:
        check_not_negative(f"status.{field}", status.get(field), found)
    return found


def _share(field: str) -> Any:
    def cell(budget: Obj) -> str:
        value = budget["spec"].get(field)
        return "N/A" if value is None else str(value)

    return cell


PODDISRUPTIONBUDGET = Kind(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    singular="poddisruptionbudget",
    short_names=("pdb",),
    fill_in=_fill_in,
    problems=_problems,
    status_problems=_status_problems,
    columns=(
        NAME,
        column("Min Available", _share("minAvailable")),
        column("Max Unavailable", _share("maxUnavailable")),
        column("Allowed Disruptions", lambda b: (b.get("status") or {}).get("disruptionsAllowed") or 0, "integer"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    generation=True,
    conditional=True,
)
