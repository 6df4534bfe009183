"""Which objects a list or watch selects, by namespace, labels and fields; decodes as little as will do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from podo.api.errors import bad_request
from podo.api.kind import Kind
from podo.apiserver import stored
from podo.storage.contract import Record
from podo.values import fieldselector
from podo.values import selector as selectors
from podo.values.fieldselector import FieldRequirement

_META_FIELDS = ("metadata.name", "metadata.namespace")


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Metadata


_decode_labels = msgspec.json.Decoder(_Labelled).decode


def labels_of(record: Record) -> dict[str, str] | None:
    """The labels, without decoding the rest."""
    return _decode_labels(record.value).metadata.labels


#: Objects whose fields are remembered: more than one turn of the store brings.
_REMEMBERED = 512


@lru_cache(maxsize=_REMEMBERED)
def _field_values(kind: Kind, value: bytes) -> dict[str, str]:
    """What can be selected by, read once for all watchers that look at one change (every node watches its pods)."""
    obj = stored.shared(kind, value)
    return {label: read(obj) for label, read in kind.fields.items()}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for. ``name``: the only name that can match, where the field selector pins one. Of the field
    selector, ``by_key`` can be answered without the object, ``by_value`` cannot."""

    kind: Kind
    namespace: str
    labels: selectors.Selector
    by_key: tuple[FieldRequirement, ...]
    by_value: tuple[FieldRequirement, ...]
    #: Are changes given out with what was before, for somebody else to select? So it is where a webhook has to convert
    #: objects before anybody can tell.
    is_raw: bool = False

    @property
    def fields(self) -> tuple[FieldRequirement, ...]:
        return self.by_key + self.by_value

    @property
    def everything(self) -> bool:
        """Does it select all that has the prefix?"""
        return self.labels.everything and not self.fields

    @property
    def prefix(self) -> str:
        """The store's key prefix: one namespace where the request or its field selector names one."""
        namespace = self.namespace or self._pinned("metadata.namespace")
        return f"{self.kind.prefix}{namespace}/" if namespace and self.kind.namespaced else self.kind.prefix

    @property
    def name(self) -> str:
        return self._pinned("metadata.name")

    @property
    def key(self) -> str:
        """The only key that can match, or ""."""
        namespace = self.namespace or self._pinned("metadata.namespace")
        if not self.name or (self.kind.namespaced and not namespace):
            return ""
        return self.kind.key(namespace, self.name)

    def raw(self) -> Selection:
        """All that has the prefix, selected later."""
        return replace(self, labels=selectors.EVERYTHING, by_key=(), by_value=(), is_raw=True)

    def _pinned(self, field: str) -> str:
        return next((one.value for one in self.fields if one.field == field and one.equal), "")

    def matches(self, record: Record) -> bool:
        if not self.labels.everything and not self.labels.matches(labels_of(record)):
            return False
        return self._fields_match(record)

    def _fields_match(self, record: Record) -> bool:
        if self.by_key and not self._key_matches(record.key):
            return False
        if not self.by_value:
            return True
        values = _field_values(self.kind, record.value)
        return all(one.matches(values[one.field]) for one in self.by_value)

    def _key_matches(self, key: str) -> bool:
        parts = key.rsplit("/", 2)
        namespace = parts[-2] if self.kind.namespaced else ""
        values = {"metadata.name": parts[-1], "metadata.namespace": namespace}
        return all(one.matches(values[one.field]) for one in self.by_key)


def _not_selectable(kind: Kind, field: str) -> str:
    """As upstream, a Job and a kind without fields of its own have texts of their own."""
    if kind.group == "batch" and kind.kind == "Job":
        return f'field label "{field}" not supported for Job'
    if kind.fields or kind.custom is not None:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def select(kind: Kind, namespace: str, labels: str, fields: str) -> Selection:
    """The selection of selectors as text. Raises BadRequest for what cannot be understood."""
    try:
        by_label = selectors.parse(labels) if labels else selectors.EVERYTHING
        by_field = fieldselector.parse(fields) if fields else ()
    except selectors.SelectorError as problem:
        raise bad_request(str(problem)) from None
    for one in by_field:
        if one.field not in _META_FIELDS and one.field not in kind.fields:
            raise bad_request(_not_selectable(kind, one.field))
    by_key = tuple(one for one in by_field if one.field in _META_FIELDS)
    by_value = tuple(one for one in by_field if one.field not in _META_FIELDS)
    return Selection(kind, namespace, by_label, by_key, by_value)
