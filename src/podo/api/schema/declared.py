"""From the types of the API to what CEL's checker knows of them: names and types of fields."""

from __future__ import annotations

from functools import lru_cache

from podo.api.schema.table import UnknownType, type_of
from podo.api.schema.types import Shape, Type
from podo.cel.declared import DYN, STRING, Declared, from_openapi

#: Of forms not named here anything may be said: times, which are texts in objects that nobody converts, int-or-string.
_FORMS = {
    "string": STRING,
    "quantity": STRING,
    "byte": STRING,
    "bool": Declared("bool"),
    "int32": Declared("int"),
    "int64": Declared("int"),
    "double": Declared("double"),
}


@lru_cache(maxsize=256)
def declared_kind(group: str, version: str, kind: str) -> Declared | None:
    """The declaration of a built-in kind's objects; None if there is no such kind."""
    try:
        return _of_type(type_of(group, version, kind), {})
    except UnknownType:
        return None


def declared_custom(schema: dict[str, object]) -> Declared:
    """Of the objects of a custom kind with this schema: their metadata is that of every object."""
    found = from_openapi(schema, root=True) or DYN
    metadata = _metadata()
    return Declared("object", {**found.fields, "metadata": metadata}) if found.form == "object" else found


@lru_cache(maxsize=1)
def _metadata() -> Declared:
    namespace = declared_kind("", "v1", "Namespace")
    assert namespace is not None
    return namespace.fields["metadata"]


def _of_type(kind: Type, known: dict[str, Declared]) -> Declared:
    """``known``: the types met so far; one that contains itself ends in dyn there."""
    if kind.name not in known:
        known[kind.name] = DYN
        fields = {name: _of_shape(field.shape, known) for name, field in kind.fields.items()}
        known[kind.name] = Declared("object", fields)
    return known[kind.name]


def _of_shape(shape: Shape, known: dict[str, Declared]) -> Declared:
    if shape.item is not None:
        return Declared(shape.form, item=_of_shape(shape.item, known))
    if shape.type is not None:
        return _of_type(shape.type, known)
    return _FORMS.get(shape.form, DYN)
