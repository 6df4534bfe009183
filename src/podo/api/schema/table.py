"""The table of the API's built-in types, read from ``v1_37.json`` (see ``scripts/make_schema.py``) when first asked.

A line of the file is a type: ``fields`` (name to shape, or to [shape, more facts]), ``required``, ``kinds``
([group, version, kind]), ``mapType``; or ``is`` for a type with a form of its own. A shape is a scalar's name,
``#type``, ``[]shape`` (list) or ``{}shape`` (map with text keys).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from podo.api.schema.types import Field, Shape, Type

_FILE = Path(__file__).with_name("v1_37.json")

GroupVersionKind = tuple[str, str, str]


class UnknownType(LookupError):
    """There is no such built-in type."""


@cache
def rows() -> dict[str, dict[str, Any]]:
    """The file: OpenAPI name of a type to its row."""
    found: dict[str, dict[str, Any]] = orjson.loads(_FILE.read_bytes())
    return found


@cache
def _names_by_kind() -> dict[GroupVersionKind, str]:
    found: dict[GroupVersionKind, str] = {}
    for name, row in rows().items():
        for group, version, kind in row.get("kinds", ()):
            found[group, version, kind] = name
    return found


def kinds() -> Iterator[GroupVersionKind]:
    """All built-in (group, version, kind), lists and options included."""
    return iter(_names_by_kind())


def name_of(group: str, version: str, kind: str) -> str | None:
    """The OpenAPI name of a kind's type, such as ``io.k8s.api.apps.v1.Deployment``; None if there is no such kind."""
    return _names_by_kind().get((group, version, kind))


@cache
def type_of(group: str, version: str, kind: str) -> Type:
    """The type of a kind; ``group`` is "" for core. Raises UnknownType."""
    name = name_of(group, version, kind)
    if name is None:
        raise UnknownType(f"{kind} in {group}/{version}" if group else f"{kind} in {version}")
    return type_named(name)


@cache
def type_named(name: str) -> Type:
    """The type with an OpenAPI name, such as ``io.k8s.api.core.v1.PodSpec``. Raises UnknownType."""
    row = rows().get(name)
    if row is None or "fields" not in row:
        raise UnknownType(name)
    return Type(
        name=name,
        fields={key: _field(key, fact) for key, fact in row["fields"].items()},
        required=tuple(row.get("required", ())),
        kinds=tuple((group, version, kind) for group, version, kind in row.get("kinds", ())),
        map_type=row.get("mapType", ""),
    )


def _field(name: str, fact: Any) -> Field:
    if isinstance(fact, str):
        return Field(name, shape_of(fact))
    return Field(name, shape_of(fact[0]), fact[1])


@cache
def shape_of(text: str) -> Shape:
    """The shape a text of the table stands for."""
    if text.startswith("[]"):
        return Shape("list", shape_of(text[2:]))
    if text.startswith("{}"):
        return Shape("map", shape_of(text[2:]))
    if not text.startswith("#"):
        return Shape(text)
    name = text[1:]
    special = rows()[name].get("is")
    return Shape(special) if special else Shape("struct", resolve=lambda: type_named(name))
