"""PriorityClass (scheduling.k8s.io/v1): a name for how important pods are."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_immutable, check_one_of, forbidden

#: The classes that every cluster has.
SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
DEFAULT_POLICY = "PreemptLowerPriority"
_HIGHEST = 1_000_000_000
_POLICIES = (DEFAULT_POLICY, "Never")
_SYSTEM = "system-"


def _fill_in(given: Obj) -> None:
    if given.get("preemptionPolicy") is None:
        given["preemptionPolicy"] = DEFAULT_POLICY
    given["value"] = given.get("value") or 0


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    name, value = new["metadata"].get("name") or "", new.get("value") or 0
    if old is not None:
        if value != (old.get("value") or 0):
            found.append(forbidden("value", "may not be changed in an update."))
        check_immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"), found)
        return found
    if name.startswith(_SYSTEM):
        if why := _not_system(name, value, bool(new.get("globalDefault"))):
            text = f"priority class names with '{_SYSTEM}' prefix are reserved for system use only. error: {why}"
            found.append(forbidden("metadata.name", text))
    elif value > _HIGHEST:
        found.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    check_one_of("preemptionPolicy", new.get("preemptionPolicy"), _POLICIES, found)
    return found


def _not_system(name: str, value: int, is_default: bool) -> str:
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


PRIORITYCLASS = Kind(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    singular="priorityclass",
    short_names=("pc",),
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    columns=(
        NAME,
        column("Value", lambda given: given.get("value") or 0, "integer"),
        column("Global-Default", lambda given: bool(given.get("globalDefault")), "boolean"),
        AGE,
        column("PreemptionPolicy", lambda given: given.get("preemptionPolicy") or ""),
    ),
    generation=True,
)
