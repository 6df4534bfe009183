"""Namespace: when one is deleted, deletes all that is in it, pods first, and lets it go once the API knows of nothing
there; not before all extension API servers answer, which may have something in it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import condition_is_true, is_deleting, name_of, namespace_of
from podo.controllers import conditions, everykind
from podo.reconcile.actions import Action, Delete, EnsureAbsent, SetStatus, Update, rest_after
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp

FINALIZER = "kubernetes"
#: What is in a namespace, by kind; and what was answered where a kind could not be deleted.
Left = dict[str, list[Obj]]
Errors = tuple[str, ...]
#: All that a namespace can hold.
_KINDS = (*(name for name in everykind.deletable() if registry.named(name).namespaced), "Event")


def _its_namespace(obj: Obj, view: View) -> Iterator[Key]:
    namespace = view.get("Namespace", namespace_of(obj))
    if namespace is not None and is_deleting(namespace):
        yield Key("", name_of(namespace))


def _going_namespaces(api_service: Obj, view: View) -> Iterator[Key]:
    """An extension API server that answers again may be what they wait for."""
    return (Key("", name_of(one)) for one in view.list("Namespace") if is_deleting(one))


@controller(
    reconciles="Namespace",
    watches={**dict.fromkeys(_KINDS, _its_namespace), "APIService": _going_namespaces},
    reads=("CustomResourceDefinition",),
    customs=_its_namespace,
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    namespace = view.get("Namespace", key.name)
    if namespace is None or not is_deleting(namespace):
        return
    finalizers = (namespace.get("spec") or {}).get("finalizers") or []
    if FINALIZER not in finalizers:
        return
    kinds = (*_KINDS, *view.custom_kinds(namespaced=True))
    left = {kind: found for kind in kinds if (found := view.list(kind, key.name))}
    unseen = _unavailable(view)
    if left or unseen:
        # Pods end first: what they use (Secrets, policies) stays until they have (KEP-5080).
        first = {"Pod": left["Pod"]} if "Pod" in left else left
        yield from _emptied(first, (), partial(_told, namespace, left, unseen, view))
        yield from rest_after(sum(map(len, left.values())))
        return
    for kind in dict.fromkeys((*kinds, *_custom_kinds(view))):
        yield EnsureAbsent(kind, key.name)
    others = [name for name in finalizers if name != FINALIZER]
    yield Update({**namespace, "spec": {**namespace["spec"], "finalizers": others}}, subresource="finalize")


def _emptied(kinds: Left, errors: Errors, told: Callable[[Errors], SetStatus]) -> Iterator[Action]:
    """Deletes all objects of these kinds. A refusal holds up the other objects of its kind, but no other kind."""
    for kind, found in kinds.items():
        others = {other: objs for other, objs in kinds.items() if other != kind}
        go_on = partial(_emptied_of_others, others, errors, told)
        for obj in found:
            if not is_deleting(obj):
                yield Delete(obj, propagation="Background", on_refusal=go_on)
    yield told(errors)


def _emptied_of_others(
    kinds: Left, errors: Errors, told: Callable[[Errors], SetStatus], error: Exception
) -> Iterator[Action]:
    return _emptied(kinds, (*errors, str(error)), told)


def _told(namespace: Obj, left: Left, unseen: list[str], view: View, errors: Errors) -> SetStatus:
    conditions_now = _conditions(namespace, left, unseen, errors, view)
    return SetStatus(namespace, {"phase": "Terminating", "conditions": conditions_now})


def _custom_kinds(view: View) -> list[str]:
    """Also those that are so new that the cache does not follow them yet."""
    found = []
    for definition in view.list("CustomResourceDefinition"):
        spec = definition["spec"]
        is_served = any(version.get("served") for version in spec["versions"])
        if is_served and spec["scope"] == "Namespaced" and condition_is_true(definition, "Established"):
            found.append(f"{spec['group']}/{spec['names']['kind']}")
    return found


def _unavailable(view: View) -> list[str]:
    """Group versions of extension API servers that do not answer: what they have here is not known."""
    specs = [one["spec"] for one in view.list("APIService") if not condition_is_true(one, "Available")]
    return sorted(f"{spec.get('group')}/{spec.get('version')}" for spec in specs if spec.get("service"))


def _conditions(
    namespace: Obj, left: Left, unseen: list[str], errors: Errors, view: View
) -> list[conditions.Condition]:
    """All five conditions of a namespace that is being deleted."""
    definitions = view.list("CustomResourceDefinition")
    # The name of the core group is empty: "pods." it says then.
    names = {kind: everykind.resource(kind, definitions) for kind in left}
    counts = {name if "." in name else f"{name}.": len(left[kind]) for kind, name in names.items()}
    finalizers = Counter(
        name for found in left.values() for obj in found for name in obj["metadata"].get("finalizers") or ()
    )
    present = list((namespace.get("status") or {}).get("conditions") or [])
    for new in (_discovered(unseen), _PARSED, _deleted(errors), _remaining(counts), _finalizers_remaining(finalizers)):
        present = _set(present, new, view.now)
    return present


def _set(present: list[conditions.Condition], new: dict[str, Any], now: float) -> list[conditions.Condition]:
    """As for other conditions, but a new message is written too (it says how much is left), and none moves."""
    old = conditions.find(present, new["type"])
    if old is None:
        return conditions.with_condition(present, new, now)
    changed = {**old, **new}
    if old.get("status") != new["status"]:
        changed["lastTransitionTime"] = timestamp.time(now)
    return [changed if each is old else each for each in present]


def _discovered(unseen: list[str]) -> dict[str, Any]:
    if not unseen:
        return {
            "type": "NamespaceDeletionDiscoveryFailure",
            "status": "False",
            "reason": "ResourcesDiscovered",
            "message": "All resources successfully discovered",
        }
    each = ", ".join(f"{version}: stale GroupVersion discovery: {version}" for version in unseen)
    why = f"unable to retrieve the complete list of server APIs: {each}"
    return {
        "type": "NamespaceDeletionDiscoveryFailure",
        "status": "True",
        "reason": "DiscoveryFailed",
        "message": f"Discovery failed for some groups, {len(unseen)} failing: {why}",
    }


_PARSED = {
    "type": "NamespaceDeletionGroupVersionParsingFailure",
    "status": "False",
    "reason": "ParsedGroupVersions",
    "message": "All legacy kube types successfully parsed",
}


def _deleted(errors: Errors) -> dict[str, Any]:
    if not errors:
        return {
            "type": "NamespaceDeletionContentFailure",
            "status": "False",
            "reason": "ContentDeleted",
            "message": "All content successfully deleted, may be waiting on finalization",
        }
    each = ", ".join(sorted(errors))
    return {
        "type": "NamespaceDeletionContentFailure",
        "status": "True",
        "reason": "ContentDeletionFailed",
        "message": f"Failed to delete all resource types, {len(errors)} remaining: {each}",
    }


def _remaining(counts: dict[str, int]) -> dict[str, Any]:
    if not counts:
        return {
            "type": "NamespaceContentRemaining",
            "status": "False",
            "reason": "ContentRemoved",
            "message": "All content successfully removed",
        }
    listed = ", ".join(f"{resource} has {count} resource instances" for resource, count in sorted(counts.items()))
    return {
        "type": "NamespaceContentRemaining",
        "status": "True",
        "reason": "SomeResourcesRemain",
        "message": f"Some resources are remaining: {listed}",
    }


def _finalizers_remaining(finalizers: Counter[str]) -> dict[str, Any]:
    if not finalizers:
        return {
            "type": "NamespaceFinalizersRemaining",
            "status": "False",
            "reason": "ContentHasNoFinalizers",
            "message": "All content-preserving finalizers finished",
        }
    listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    return {
        "type": "NamespaceFinalizersRemaining",
        "status": "True",
        "reason": "SomeFinalizersRemain",
        "message": f"Some content in the namespace has finalizers remaining: {listed}",
    }
