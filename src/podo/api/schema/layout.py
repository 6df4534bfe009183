"""From the types of the API to how their values divide into fields that can be owned (server-side apply)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.schema.types import Field, Shape, Type
from podo.values.fields.layout import DEDUCED, UNKNOWN, UNTRACKED, Items, Keyed, Layout, Struct

#: Members of list keys that have a default: the ports of containers and Services.
_KEY_DEFAULTS = {"protocol": "TCP"}
#: Of an object itself, and of its metadata: what nobody owns.
_UNTRACKED = frozenset({"apiVersion", "kind"})
_UNTRACKED_METADATA = frozenset(
    {
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
#: Layouts kept of each sort: more than there are built-in types; types of custom resources come and go.
_KEPT = 2048
#: Structs that upstream's Go types hold by value: they are there, empty, in an object that is just being made.
_BY_VALUE = frozenset(
    {"jobTemplate", "loadBalancer", "metadata", "spec", "status", "strategy", "template", "updateStrategy"}
)


@lru_cache(maxsize=_KEPT)
def layout_of(kind: Type) -> Struct:
    """The layout of whole objects of a type."""
    return Struct(lambda name: _of_root(kind, name))


@lru_cache(maxsize=_KEPT)
def blank(kind: Type) -> dict[str, Any]:
    """What there is of an object before anything is set: of a new object everything else counts as new. Not to be
    changed.
    """
    found: dict[str, Any] = {}
    for name, field in kind.fields.items():
        if field.shape.type is not None and name in _BY_VALUE:
            found[name] = blank(field.shape.type)
        elif field.shape.form == "list" and name in kind.required:
            found[name] = None
    return found


def _of_root(kind: Type, name: str) -> Layout | None:
    if name in _UNTRACKED:
        return UNTRACKED
    field = kind.fields.get(name)
    if name == "metadata" and field is not None and field.shape.type is not None:
        return metadata_layout(field.shape.type)
    return _of_member(kind, name)


def metadata_layout(metadata: Type) -> Struct:
    """The layout of the metadata of objects."""

    def find(inner: str) -> Layout | None:
        return UNTRACKED if inner in _UNTRACKED_METADATA else _of_member(metadata, inner)

    return Struct(find, is_kept=True)


def _of_member(kind: Type, name: str) -> Layout | None:
    field = kind.fields.get(name)
    if field is not None:
        return _of_field(field)
    return DEDUCED if kind.preserves else UNKNOWN


def _of_field(field: Field) -> Layout | None:
    if field.more.get("mapType") == "atomic":
        return None
    shape = field.shape
    if shape.form != "list":
        return _of_shape(shape)
    if field.list_type == "map" and field.map_keys:
        keys = {key: _KEY_DEFAULTS.get(key) for key in field.map_keys}
        return Keyed(keys, _of_shape(shape.item))
    return Items() if field.list_type == "set" else None


def _of_shape(shape: Shape | None) -> Layout | None:
    if shape is None or shape.form == "list":
        return None
    if shape.form == "map":
        return _map(shape)
    if shape.form in ("object", "any"):
        return DEDUCED
    return _struct(shape.type) if shape.type else None


@lru_cache(maxsize=_KEPT)
def _map(shape: Shape) -> Struct:
    inner = _of_shape(shape.item)
    return Struct(lambda name: inner, is_map=True)


@lru_cache(maxsize=_KEPT)
def _struct(kind: Type) -> Struct | None:
    if kind.map_type == "atomic":
        return None
    return Struct(lambda name: _of_member(kind, name))
