"""What is checked in every object's metadata, and the one call that finds all that is wrong with an object.

Source: API reference "ObjectMeta", API conventions "Metadata".
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_immutable, check_text, forbidden, invalid, not_known, required, too_long
from podo.values import names

#: All annotations of one object together, keys and values, in bytes.
ANNOTATIONS_MAX = 256 * 1024
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def problems_of(kind: Kind, new: Obj, old: Obj | None) -> Found:
    """All that is wrong with an object, in its metadata and by its kind. ``old``: the stored one, on update."""
    found: Found = []
    check_metadata(kind, new["metadata"], found)
    if old is not None:
        check_metadata_update(new["metadata"], old["metadata"], found)
    found.extend(kind.problems(new, old))
    return found


def check_metadata(kind: Kind, metadata: dict[str, Any], found: Found) -> None:
    """The rules of metadata that hold on create and update alike."""
    _check_names(kind, metadata, found)
    if labels := metadata.get("labels"):
        check_labels(labels, "metadata.labels", found)
    if annotations := metadata.get("annotations"):
        check_annotations(annotations, "metadata.annotations", found)
    if owners := metadata.get("ownerReferences"):
        _check_owners(owners, found)
    if finalizers := metadata.get("finalizers"):
        _check_finalizers(kind, finalizers, found)


def _check_names(kind: Kind, metadata: dict[str, Any], found: Found) -> None:
    if prefix := metadata.get("generateName"):
        for message in names.object_name(kind.name_rule, prefix, prefix=True):
            found.append(invalid("metadata.generateName", prefix, message))
    if name := metadata.get("name"):
        check_text("metadata.name", name, names.RULES[kind.name_rule], found)
    else:
        found.append(required("metadata.name", "name or generateName is required"))
    namespace = metadata.get("namespace")
    if not kind.namespaced:
        if namespace:
            found.append(forbidden("metadata.namespace", "not allowed on this type"))
    elif namespace:
        check_text("metadata.namespace", namespace, names.label, found)
    else:
        found.append(required("metadata.namespace"))


def check_labels(labels: dict[str, str], path: str, found: Found) -> None:
    """Keys are qualified names, values label values."""
    for key, value in not_known(labels.items(), names.qualified_name, names.label_value):
        check_text(path, key, names.qualified_name, found)
        check_text(path, value, names.label_value, found)


def check_annotations(annotations: dict[str, str], path: str, found: Found) -> None:
    """Keys are qualified names of any case; all together at most 256 KiB."""
    for key in annotations:
        for message in names.qualified_name(key.lower()):
            found.append(invalid(path, key, message))
    check_annotations_size(annotations, path, found)


def check_annotations_size(annotations: dict[str, str], path: str, found: Found) -> None:
    size = 0
    for key, value in annotations.items():
        size += len(key) + len(value)
        if not value.isascii():
            size += len(value.encode()) - len(value)
    if size > ANNOTATIONS_MAX:
        found.append(too_long(path, ANNOTATIONS_MAX))


def _check_owners(owners: list[dict[str, Any]], found: Found) -> None:
    path = "metadata.ownerReferences"
    controller = ""
    for owner in owners:
        version = owner.get("apiVersion") or ""
        if not version.rpartition("/")[2]:
            found.append(invalid(f"{path}.apiVersion", version, "version must not be empty"))
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                found.append(invalid(f"{path}.{field}", "", "must not be empty"))
        if owner.get("kind") == "Event" and version == "v1":
            found.append(invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            current = f"{owner.get('kind')}/{owner.get('name')}"
            if controller:
                why = 'Only one reference can have Controller set to true. Found "true" in references for '
                found.append(invalid(path, owners, f"{why}{controller} and {current}"))
            else:
                controller = current


def _check_finalizers(kind: Kind, finalizers: list[str], found: Found) -> None:
    path = "metadata.finalizers"
    is_extension = kind.custom is not None or kind.group == "apiextensions.k8s.io"  # there any name will do
    for index, finalizer in enumerate(finalizers):
        if is_extension:
            check_text(path, finalizer, names.qualified_name, found)
        else:
            check_finalizer(finalizer, path, f"{path}[{index}]", found)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        found.append(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"))


def check_finalizer(name: str, path: str, at: str, found: Found) -> None:
    """A standard one, or one with a domain before it. ``at``: where upstream tells that it is neither."""
    check_text(path, name, names.qualified_name, found)
    if "/" not in name and name not in STANDARD_FINALIZERS:
        found.append(invalid(at, name, "name is neither a standard finalizer name nor is it fully qualified"))


def check_metadata_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    """What an update may not change, and that nothing holds back an object whose deletion has begun."""
    for field in _FIXED:
        value = new.get(field)
        if value != old.get(field):
            check_immutable(f"metadata.{field}", value, old.get(field), found)
    if "deletionTimestamp" in old:
        added = [name for name in new.get("finalizers") or () if name not in (old.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{name}"' for name in sorted(added))
            why = "no new finalizers can be added if the object is being deleted, found new finalizers []string{%s}"
            found.append(forbidden("metadata.finalizers", why % listed))
