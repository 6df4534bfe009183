"""What selectors look at in an object, decoded once at most however many watches ask."""

from __future__ import annotations

from podo.api.kind import Kind
from podo.apiserver import stored
from podo.apiserver.selection import Selection, labels_of
from podo.storage.contract import Record


class Glance:
    """One record. ``field`` and ``labels`` decode when first asked and keep only what they have found."""

    __slots__ = ("_fields", "_kind", "_labels", "record")

    def __init__(self, kind: Kind, record: Record) -> None:
        self.record = record
        self._kind = kind
        self._labels: dict[str, str] | None = None
        self._fields: dict[str, str] | None = None

    @property
    def labels(self) -> dict[str, str]:
        if self._labels is None:
            self._labels = labels_of(self.record) or {}
        return self._labels

    def field(self, name: str) -> str:
        if name == "metadata.name":
            return self.record.key.rsplit("/", 1)[1]
        if name == "metadata.namespace":
            return self.record.key.rsplit("/", 2)[1] if self._kind.namespaced else ""
        found = self._fields.get(name) if self._fields else None
        if found is None:
            found = self._kind.fields[name](stored.shared(self._kind, self.record.value))
            self._fields = {name: found, **(self._fields or {})}
        return found

    def within(self, selection: Selection) -> bool:
        """Is the object in the selection? That its key has the selection's prefix is known."""
        for one in selection.fields:
            if not one.matches(self.field(one.field)):
                return False
        return selection.labels.everything or selection.labels.matches(self.labels)
