"""Garbage collector: deletes objects whose owners are all gone; ends deletions in the foreground and with orphaning.

Source: the documentation "Garbage Collection" and "Owners and Dependents".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of, uid_of
from podo.controllers import everykind
from podo.reconcile.actions import Action, Delete, EnsureAbsent, Patch, Tell
from podo.reconcile.declare import Key, View, controller

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
Reference = Obj


@dataclass(slots=True)
class _Owners:
    """The owner references of one object by the state of the owner."""

    solid: list[Reference] = field(default_factory=list)
    #: Gone, as far as the cache knows, with the namespace in which they were looked for.
    absent: list[tuple[Reference, str, str]] = field(default_factory=list)  # reference, kind, namespace
    #: Seen to go, with their kind.
    gone: list[Reference] = field(default_factory=list)
    #: Being deleted in the foreground: they wait for this object.
    waiting: list[Reference] = field(default_factory=list)
    #: In a namespace, of an object that is in none: nobody can look them up. They count as solid, too.
    unresolvable: list[Reference] = field(default_factory=list)


def key_of(obj: Obj, view: View) -> Key:
    """Objects of all kinds share one queue: the name in a key is ``Kind/name``."""
    return Key(namespace_of(obj), f"{everykind.named_by(obj, view)}/{name_of(obj)}")


def _concerned(obj: Obj, view: View) -> Iterator[Key]:
    """What a change of ``obj`` is news for: itself, owners that wait for it, and, when it is going, its dependents."""
    metadata = obj["metadata"]
    references = metadata.get("ownerReferences")
    if references or "deletionTimestamp" in metadata:
        yield key_of(obj, view)
    for reference in references or ():
        kind = everykind.named_by(reference, view)
        owner = _look_up(reference, kind, namespace_of(obj), view) if kind else None
        if owner is not None and is_deleting(owner):
            yield key_of(owner, view)
    if _is_going(obj, view):
        for dependent in view.dependents_of(uid_of(obj)):
            yield key_of(dependent, view)


def _is_going(obj: Obj, view: View) -> bool:
    kind = everykind.named_by(obj, view)
    present = view.get(kind, name_of(obj), namespace_of(obj)) if kind else None
    return present is None or uid_of(present) != uid_of(obj) or is_deleting(present)


_KINDS = frozenset(everykind.deletable())
_WATCHED = dict.fromkeys(everykind.deletable(), _concerned)


# A kind must be named that is reconciled; keys of Namespaces as such (without "Kind/") mean nothing here.
@controller(reconciles="Namespace", watches=_WATCHED, customs=_concerned, workers=32)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    kind, _, name = key.name.rpartition("/")
    obj = view.get(kind, name, key.namespace) if kind in _KINDS or view.is_custom(kind) else None
    if obj is not None:
        yield from collect(obj, view)


def collect(obj: Obj, view: View) -> Iterator[Action]:
    """What garbage collection wants of one object."""
    finalizers = obj["metadata"].get("finalizers") or ()
    if is_deleting(obj) and ORPHAN in finalizers:
        yield from _orphan_dependents(obj, view)
    elif is_deleting(obj) and FOREGROUND in finalizers:
        yield from _delete_dependents(obj, view)
    elif not is_deleting(obj) and obj["metadata"].get("ownerReferences"):
        yield from _delete_if_abandoned(obj, view)


def _orphan_dependents(obj: Obj, view: View) -> Iterator[Action]:
    dependents = view.dependents_of(uid_of(obj))
    for dependent in dependents:
        yield _without_owners(dependent, [{"uid": uid_of(obj)}], view)
    if not dependents:
        yield _without_finalizer(obj, ORPHAN)


def _delete_dependents(obj: Obj, view: View) -> Iterator[Action]:
    """Dependents are looked at by their own keys (they see their owner wait); here only the end is noticed."""
    if not any(_blocks(dependent, obj) for dependent in view.dependents_of(uid_of(obj))):
        yield _without_finalizer(obj, FOREGROUND)


def _blocks(dependent: Obj, owner: Obj) -> bool:
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(r.get("uid") == uid_of(owner) and r.get("blockOwnerDeletion") for r in references)


def _delete_if_abandoned(obj: Obj, view: View) -> Iterator[Action]:
    owners = _classified(obj, view)
    yield from _warnings(obj, owners, view)
    if owners.solid:
        doomed = [*owners.gone, *(reference for reference, _, _ in owners.absent), *owners.waiting]
        if doomed:
            yield from _surely_absent(owners)
            yield _without_owners(obj, doomed, view)
        return
    yield from _surely_absent(owners)
    dependents = view.dependents_of(uid_of(obj)) if owners.waiting else []
    if dependents:
        if any(_waits_for_dependents(each) for each in dependents):  # a circle, it may be: nobody would go first
            yield _unblocking(obj)
        yield Delete(obj, propagation="Foreground")
    else:
        yield Delete(obj, propagation=_own_policy(obj))


def _waits_for_dependents(obj: Obj) -> bool:
    return is_deleting(obj) and FOREGROUND in (obj["metadata"].get("finalizers") or ())


def _unblocking(obj: Obj) -> Patch:
    """No owner has to wait for it any more. At the present version: the list is replaced as a whole."""
    metadata = obj["metadata"]
    references = [{**one, "blockOwnerDeletion": False} for one in metadata.get("ownerReferences") or ()]
    wanted = {"uid": uid_of(obj), "resourceVersion": metadata["resourceVersion"], "ownerReferences": references}
    return Patch(obj, {"metadata": wanted})


def _own_policy(obj: Obj) -> str:
    """An earlier delete may have said what shall become of the dependents."""
    finalizers = obj["metadata"].get("finalizers") or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"


def _classified(obj: Obj, view: View) -> _Owners:
    owners = _Owners()
    for reference in obj["metadata"].get("ownerReferences") or ():
        kind = everykind.named_by(reference, view)
        if kind is None and view.is_gone(reference["uid"]):
            owners.gone.append(reference)
            continue
        if kind is not None and everykind.is_namespaced(kind, view) and not namespace_of(obj):
            owners.unresolvable.append(reference)
        if kind is None or reference in owners.unresolvable:
            owners.solid.append(reference)  # what is not known is never a reason to delete
            continue
        owner = _look_up(reference, kind, namespace_of(obj), view)
        if owner is None:
            namespace = namespace_of(obj) if everykind.is_namespaced(kind, view) else ""
            owners.absent.append((reference, kind, namespace))
        elif _waits_for_dependents(owner):
            owners.waiting.append(reference)
        else:
            owners.solid.append(reference)
    return owners


def _look_up(reference: Reference, kind: str, namespace: str, view: View) -> Obj | None:
    """The owner, in the dependent's own namespace; None where it is not there or another object has its name."""
    found = view.get(kind, reference["name"], namespace if everykind.is_namespaced(kind, view) else "")
    return found if found is not None and uid_of(found) == reference["uid"] else None


def _surely_absent(owners: _Owners) -> Iterator[Action]:
    """The cache may not have seen an owner yet that was made a moment ago."""
    for reference, kind, namespace in owners.absent:
        yield EnsureAbsent(kind, namespace, reference["name"], reference["uid"])


def _warnings(obj: Obj, owners: _Owners, view: View) -> Iterator[Action]:
    """An owner that lives in another namespace is no owner: the object's user is told so."""
    for reference in owners.unresolvable:
        yield _invalid(obj, reference)
    for reference, kind, namespace in owners.absent:
        elsewhere = (other for other in view.list(kind) if uid_of(other) == reference["uid"])
        if namespace and next(elsewhere, None) is not None:
            yield _invalid(obj, reference)


def _invalid(obj: Obj, reference: Reference) -> Tell:
    namespace, where = namespace_of(obj), f"{reference['apiVersion']}/{reference['kind']}"
    owner = f"[{where}, namespace: {namespace}, name: {reference['name']}, uid: {reference['uid']}]"
    text = f'ownerRef {owner} does not exist in namespace "{namespace}"'
    return Tell(obj, "OwnerRefInvalidNamespace", text, "Warning")


def _without_owners(obj: Obj, references: list[Reference], view: View) -> Patch:
    if view.is_custom(everykind.named_by(obj, view) or ""):
        return _without_owners_by_merge(obj, {reference["uid"] for reference in references})
    gone = [{"$patch": "delete", "uid": reference["uid"]} for reference in references]
    return Patch(obj, {"metadata": {"uid": uid_of(obj), "ownerReferences": gone}}, "strategic")


def _without_owners_by_merge(obj: Obj, uids: set[str]) -> Patch:
    """Custom resources take no strategic merge patch. At the present version: the list is replaced as a whole."""
    metadata = obj["metadata"]
    left = [one for one in metadata.get("ownerReferences") or () if one.get("uid") not in uids]
    wanted = {"uid": uid_of(obj), "resourceVersion": metadata["resourceVersion"], "ownerReferences": left}
    return Patch(obj, {"metadata": wanted})


def _without_finalizer(obj: Obj, finalizer: str) -> Patch:
    """At the object's present version: another finalizer may have come meanwhile."""
    metadata = obj["metadata"]
    left = [name for name in metadata.get("finalizers") or () if name != finalizer]
    wanted = {"uid": uid_of(obj), "resourceVersion": metadata["resourceVersion"], "finalizers": left}
    return Patch(obj, {"metadata": wanted})
