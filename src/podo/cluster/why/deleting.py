"""Why something that is being deleted is still there: its finalizers and who takes them away; what keeps a namespace in
Terminating."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of, uid_of
from podo.cluster.why.finding import MOST, Finding, Picture, title

#: Conditions of a namespace that say what is left in it, or could not be looked at.
_REMAINING = (
    *("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure"),
    *("NamespaceDeletionContentFailure", "NamespaceContentRemaining", "NamespaceFinalizersRemaining"),
)


def lines(obj: Obj, picture: Picture) -> Iterator[str]:
    """Nothing for an object that is not being deleted."""
    if not is_deleting(obj):
        return
    finalizers = obj["metadata"].get("finalizers") or []
    held = f", held by {', '.join(finalizers)}" if finalizers else ""
    yield f"is being deleted since {obj['metadata']['deletionTimestamp']}{held}"
    for finalizer in finalizers:
        yield f"{finalizer}: {_holder(finalizer, obj, picture)}"


def _holder(finalizer: str, obj: Obj, picture: Picture) -> str:
    if finalizer == "foregroundDeletion":
        return f"waits for its dependents: {_names(_dependents(obj, picture)) or 'none is left that can be seen'}"
    if finalizer == "orphan":
        return "its dependents are being let go"
    if finalizer == "kubernetes.io/pvc-protection":
        return f"pods use it: {_names(_claimed_by(obj, picture)) or 'none that can be seen'}"
    if finalizer == "kubernetes.io/pv-protection":
        return "a claim is bound to it"
    if finalizer == "resource.kubernetes.io/delete-protection":
        users = (obj.get("status") or {}).get("reservedFor") or ()
        return f"pods use its devices: {_few([user['name'] for user in users]) or 'none any more'}"
    if finalizer == "batch.kubernetes.io/job-tracking":
        return "its Job has not counted it yet"
    return "whoever put it there has to take it away: does its controller run?"


def _dependents(owner: Obj, picture: Picture) -> Iterator[Obj]:
    uid = uid_of(owner)
    for objects in picture.objects.values():
        for obj in objects:
            references = obj.get("metadata", {}).get("ownerReferences") or ()
            if any(each.get("uid") == uid and each.get("blockOwnerDeletion") for each in references):
                yield obj


def _claimed_by(claim: Obj, picture: Picture) -> Iterator[Obj]:
    for pod in picture.all("Pod"):
        names = {(v.get("persistentVolumeClaim") or {}).get("claimName") for v in pod["spec"].get("volumes") or ()}
        if namespace_of(pod) == namespace_of(claim) and name_of(claim) in names:
            yield pod


def _names(objects: Iterator[Obj]) -> str:
    return _few([title(each) for each in objects])


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"{', '.join(names[:MOST])}{more}"


def why_namespace(namespace: Obj, picture: Picture) -> Finding:
    if not is_deleting(namespace):
        return Finding(
            title(namespace), (f"{(namespace.get('status') or {}).get('phase', 'Active')}, nothing is wrong",)
        )
    says = [f"Terminating since {namespace['metadata']['deletionTimestamp']}"]
    conditions = (namespace.get("status") or {}).get("conditions") or ()
    left = [each for each in conditions if each["type"] in _REMAINING and each.get("status") == "True"]
    says += [f"{each['type']}: {each.get('message') or each.get('reason') or ''}" for each in left]
    finalizers = [
        *(namespace.get("spec") or {}).get("finalizers", ()),
        *(namespace["metadata"].get("finalizers") or ()),
    ]
    if not left and finalizers:
        says.append(f"held by {', '.join(finalizers)}")
    return Finding(title(namespace), tuple(says))
