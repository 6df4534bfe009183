"""CustomResourceDefinition: accepts its names where nobody else of its group has them, which lets its kinds be served;
and when it is deleted, deletes all objects of its kind before it lets it go.

Source: API reference "CustomResourceDefinitionStatus".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.apiextensions.customresourcedefinition import CLEANUP_FINALIZER
from podo.api.meta import condition_is_true, condition_of, is_deleting, name_of
from podo.controllers import conditions
from podo.reconcile.actions import Action, Delete, EnsureAbsent, Patch, SetStatus
from podo.reconcile.declare import Key, View, controller

KIND = "CustomResourceDefinition"


def instances_kind(definition: Obj) -> str:
    """The definition's kind as clients name it."""
    spec = definition["spec"]
    return f"{spec['group']}/{spec['names']['kind']}"


def _same_group(definition: Obj, view: View) -> Iterator[Key]:
    """A name that is given up may be what another definition waits for."""
    group = definition["spec"]["group"]
    for other in view.list(KIND):
        if other["spec"]["group"] == group:
            yield Key("", name_of(other))


def _its_definition(obj: Obj, view: View) -> Iterator[Key]:
    """News of an instance only matter to a definition that waits for the last of them."""
    group, kind = obj["apiVersion"].rpartition("/")[0], obj["kind"]
    for definition in view.list(KIND):
        spec = definition["spec"]
        if is_deleting(definition) and (spec["group"], spec["names"]["kind"]) == (group, kind):
            yield Key("", name_of(definition))


@controller(reconciles=KIND, watches={KIND: _same_group}, customs=_its_definition)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    definition = view.get(KIND, key.name)
    if definition is None:
        return
    if is_deleting(definition):
        if CLEANUP_FINALIZER in (definition["metadata"].get("finalizers") or ()):
            yield from _clean_up(definition, view)
        return
    status = dict(definition.get("status") or {})
    accepted, refusal = _names(definition, view)
    yield SetStatus(definition, {**status, **_settled(definition, accepted, refusal, view.now)})


# -- names -----------------------------------------------------------------------------------------------------------


def _names(definition: Obj, view: View) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """The names that the definition has from now on, and the first that it cannot have: a reason and a message."""
    wanted = definition["spec"]["names"]
    accepted = dict((definition.get("status") or {}).get("acceptedNames") or {})
    resources, kinds = _taken(definition, view)
    refusal: tuple[str, str] | None = None

    def settle(name: str, taken: set[str], reason: str) -> None:
        nonlocal refusal
        value = wanted.get(name)
        listed = value if isinstance(value, list) else [value] if value else []
        if used := next((one for one in listed if one in taken), None):
            refusal = (reason, f'"{used}" is already in use')
        elif value:
            accepted[name] = value
        else:
            accepted.pop(name, None)

    settle("plural", resources, "PluralConflict")
    settle("singular", resources, "SingularConflict")
    settle("shortNames", resources, "ShortNamesConflict")
    settle("kind", kinds, "KindConflict")
    settle("listKind", kinds, "ListKindConflict")
    settle("categories", set(), "")
    return accepted, refusal


def _taken(definition: Obj, view: View) -> tuple[set[str], set[str]]:
    """What the other definitions of the group are called: resources and kinds."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in view.list(KIND):
        if name_of(other) == name_of(definition) or other["spec"]["group"] != definition["spec"]["group"]:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update((names.get("plural") or "", names.get("singular") or "", *(names.get("shortNames") or ())))
        kinds.update((names.get("kind") or "", names.get("listKind") or ""))
    return resources, kinds


def _settled(definition: Obj, accepted: dict[str, Any], refusal: tuple[str, str] | None, now: float) -> dict[str, Any]:
    """The part of the status that follows from the names."""
    present = list((definition.get("status") or {}).get("conditions") or [])
    seen = definition["metadata"].get("generation")
    if refusal is None:
        new = [_condition("NamesAccepted", True, "NoConflicts", "no conflicts found")]
        said = "the initial names have been accepted"
        new.append(_condition("Established", True, "InitialNamesAccepted", said))
    else:
        new = [_condition("NamesAccepted", False, *refusal)]
        if condition_is_true(definition, "Established"):  # for good
            new.append(condition_of(definition, "Established") or {})
        else:
            new.append(_condition("Established", False, "NotAccepted", "not all names are accepted"))
    if approval := _approval(definition):
        new.append(approval)
    for one in new:
        present = _with_condition(present, one, seen, now)
    return {"acceptedNames": accepted, "conditions": present, "observedGeneration": seen}


def _with_condition(present: list[dict[str, Any]], new: dict[str, Any], seen: Any, now: float) -> list[dict[str, Any]]:
    """As ``conditions.with_condition``; ``seen``: the generation that the condition is about."""
    found = conditions.with_condition(present, new, now)
    return [{**one, "observedGeneration": seen} if one["type"] == new["type"] else one for one in found]


def _condition(kind: str, holds: bool, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message}


def _approval(definition: Obj) -> dict[str, Any] | None:
    """Of groups that belong to the Kubernetes community: whether it has approved the kind."""
    group = definition["spec"]["group"]
    if not group.endswith((".k8s.io", ".kubernetes.io")):
        return None
    given = (definition["metadata"].get("annotations") or {}).get("api-approved.kubernetes.io") or ""
    kind = "KubernetesAPIApprovalPolicyConformant"
    if given.startswith("unapproved"):
        said = f'not approved: "{given}"'
        return _condition(kind, False, "UnapprovedAnnotation", said)
    return _condition(kind, True, "ApprovedAnnotation", f"approved in {given}")


# -- the end ---------------------------------------------------------------------------------------------------------


def _clean_up(definition: Obj, view: View) -> Iterator[Action]:
    kind = instances_kind(definition)
    if condition_is_true(definition, "Established"):
        left = view.list(kind) if view.is_custom(kind) else []
        if left:
            yield from (Delete(obj) for obj in left if not is_deleting(obj))
            said = "CustomResource deletion is in progress"
            yield _terminating(definition, True, "InstanceDeletionInProgress", said, view.now)
            return
        yield EnsureAbsent(kind)
    finalizers = [name for name in definition["metadata"].get("finalizers") or () if name != CLEANUP_FINALIZER]
    metadata = {"finalizers": finalizers, "resourceVersion": definition["metadata"]["resourceVersion"]}
    yield Patch(definition, {"metadata": metadata})


def _terminating(definition: Obj, holds: bool, reason: str, message: str, now: float) -> SetStatus:
    status = dict(definition.get("status") or {})
    new = _condition("Terminating", holds, reason, message)
    seen = definition["metadata"].get("generation")
    status["conditions"] = _with_condition(list(status.get("conditions") or []), new, seen, now)
    return SetStatus(definition, status)
