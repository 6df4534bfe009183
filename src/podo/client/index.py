"""One kind in the cache: its objects, with indexes by namespace, owner and label for the usual questions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, TypeVar

from podo.api.kind import Obj
from podo.api.meta import revision_of, uid_of

K = TypeVar("K")
V = TypeVar("V")

#: How many deleted names a table remembers (``Table.was_deleted``).
REMEMBERED_DELETIONS = 4096


class Place(NamedTuple):
    """Where an object is: its namespace ("" for cluster-scoped) and name. Sorts as lists are sorted."""

    namespace: str
    name: str


Objects = list[Obj]
Places = list[Place]


def place_of(obj: Obj) -> Place:
    metadata = obj["metadata"]
    return Place(metadata.get("namespace", ""), metadata["name"])


class Table:
    """The objects of one kind. Readers must not change what they get; only ``put`` and ``remove`` change a table."""

    def __init__(self) -> None:
        #: Everything up to here has been applied; 0 before the first list.
        self.revision = 0
        self._objects: dict[str, dict[str, Obj]] = {}
        self._count = 0
        self._controlled: dict[str, set[Place]] = {}
        self._owned: dict[str, set[Place]] = {}
        self._labelled: dict[tuple[str, str, str], set[str]] | None = None  # made at the first question
        self._deleted: OrderedDict[Place, None] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Obj]:
        """All objects, in no particular order."""
        for objects in self._objects.values():
            yield from objects.values()

    def get(self, namespace: str, name: str) -> Obj | None:
        objects = self._objects.get(namespace)
        return objects.get(name) if objects else None

    def places(self) -> Places:
        return [Place(namespace, name) for namespace, objects in self._objects.items() for name in objects]

    def list(self, namespace: str | None = None) -> Objects:
        """The objects of one namespace, or all, by namespace and name."""
        namespaces = sorted(self._objects) if namespace is None else [namespace]
        found: Objects = []
        for each in namespaces:
            objects = self._objects.get(each)
            if objects:
                found += [objects[name] for name in sorted(objects)]
        return found

    def controlled_by(self, uid: str) -> Objects:
        """Objects whose controller reference has this uid, by namespace and name."""
        return self._at(self._controlled.get(uid, ()))

    def owned_by(self, uid: str) -> Objects:
        """Objects with any owner reference to this uid, by namespace and name."""
        return self._at(self._owned.get(uid, ()))

    def labelled(self, namespace: str, labels: Mapping[str, str]) -> Objects:
        """Objects of a namespace that have all these labels, by name. No labels: all of them."""
        if not labels:
            return self.list(namespace)
        if self._labelled is None:
            self._labelled = {}
            for obj in self:
                self._label(place_of(obj), obj)
        sets = [self._labelled.get((namespace, key, value)) for key, value in labels.items()]
        found = [names for names in sets if names]
        if len(found) < len(sets):
            return []
        objects = self._objects[namespace]
        return [objects[name] for name in sorted(set.intersection(*found))]

    def was_deleted(self, place: Place) -> bool:
        """Was there an object here that this table has seen deleted, not long ago?"""
        return place in self._deleted

    def put(self, obj: Obj) -> Obj | None:
        """Add or replace; what was there before."""
        place = place_of(obj)
        objects = self._objects.setdefault(place.namespace, {})
        old = objects.get(place.name)
        objects[place.name] = obj
        if old is None:
            self._count += 1
            self._index(place, obj)
        elif _indexed_parts(old) != _indexed_parts(obj):
            self._unindex(place, old)
            self._index(place, obj)
        return old

    def remove(self, place: Place) -> Obj | None:
        """Forget what is here; what it was."""
        objects = self._objects.get(place.namespace)
        old = objects.pop(place.name, None) if objects else None
        if old is None:
            return None
        if not objects:
            del self._objects[place.namespace]
        self._count -= 1
        self._unindex(place, old)
        self._deleted[place] = None
        self._deleted.move_to_end(place)
        if len(self._deleted) > REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        return old

    def is_newer(self, obj: Obj) -> bool:
        """Is ``obj`` another version than the one here?"""
        place = place_of(obj)
        old = self.get(place.namespace, place.name)
        return old is None or revision_of(old) != revision_of(obj) or uid_of(old) != uid_of(obj)

    def _at(self, places: Collection[Place]) -> Objects:
        if not places:  # nearly always, of the tables that are asked for dependents
            return []
        return [self._objects[place.namespace][place.name] for place in sorted(places)]

    def _label(self, place: Place, obj: Obj) -> None:
        if self._labelled is not None:
            for key, value in (obj["metadata"].get("labels") or {}).items():
                self._labelled.setdefault((place.namespace, key, value), set()).add(place.name)

    def _index(self, place: Place, obj: Obj) -> None:
        for reference in obj["metadata"].get("ownerReferences") or ():
            uid = reference.get("uid", "")
            self._owned.setdefault(uid, set()).add(place)
            if reference.get("controller"):
                self._controlled.setdefault(uid, set()).add(place)
        self._label(place, obj)

    def _unindex(self, place: Place, obj: Obj) -> None:
        for reference in obj["metadata"].get("ownerReferences") or ():
            uid = reference.get("uid", "")
            _discard(self._owned, uid, place)
            _discard(self._controlled, uid, place)
        if self._labelled is not None:
            for key, value in (obj["metadata"].get("labels") or {}).items():
                _discard(self._labelled, (place.namespace, key, value), place.name)


def _indexed_parts(obj: Obj) -> tuple[object, object]:
    metadata = obj["metadata"]
    return metadata.get("ownerReferences"), metadata.get("labels")


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(value)
        if not members:
            del index[key]
