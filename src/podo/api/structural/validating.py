"""Validation of values against a structural schema, compiled once to closures.

With the former value at hand (an update), what has not changed is not held against the new one: so an object that a
newer schema would refuse can still be worked with (KEP-4008, "CRD Validation Ratcheting").
Source: JSON Schema Validation; wording of the answers as kube-apiserver's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from podo.api.kind import Problem
from podo.api.rules import Found
from podo.api.structural import composing, correlating, scalars
from podo.api.structural.correlating import ABSENT
from podo.api.structural.walking import INT_OR_STRING, Path, Schema, additional, items, path_text, properties

#: Appends what is wrong with a value. ``(value, former value or ABSENT, where, found)``.
Check = Callable[[Any, Any, Path, Found], None]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_NAMES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}


def validator(schema: Schema) -> Check:
    """What checks values of a schema, and of all schemas within."""
    typed = _type_check(schema)
    always = scalars.enum_check(schema)
    checks: list[Check] = [
        *composing.checks(schema, validator),
        *scalars.checks(schema),
        *_list_checks(schema),
        *_object_checks(schema),
    ]

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if old is not ABSENT and unchanged(value, old):
            return
        if typed is not None:
            typed(value, old, path, found)
        if always is not None:
            always(value, old, path, found)
        if value is not None:
            for one in checks:
                one(value, old, path, found)

    return check


def unchanged(value: Any, old: Any) -> bool:
    """Strictly: 1 is not true, and not 1.0."""
    if value.__class__ is not old.__class__ or value != old:
        return False
    return value.__class__ not in (dict, list) or orjson.dumps(value) == orjson.dumps(old)


def _type_check(schema: Schema) -> Check | None:
    wanted = ("integer", "string") if schema.get(INT_OR_STRING) else (schema["type"],) if schema.get("type") else ()
    if not wanted:
        return None
    classes = frozenset(one for name in wanted for one in _TYPES.get(name, ()))
    nullable, whole, text = bool(schema.get("nullable")), "integer" in wanted, ",".join(wanted)

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ in classes or (value is None and nullable):
            return
        if whole and value.__class__ is float and value.is_integer():
            return
        name = "null" if value is None else _NAMES.get(value.__class__, "null")
        place = path_text(path)
        message = f'Invalid value: "{name}": {place} in body must be of type {text}: "{name}"'
        found.append(Problem(place or "<nil>", "FieldValueTypeInvalid", message))

    return check


def _list_checks(schema: Schema) -> list[Check]:
    found: list[Check] = []
    least, most, inner = schema.get("minItems"), schema.get("maxItems"), items(schema)
    if least is not None or most is not None:
        found.append(_length_check(list, least, most, "items"))
    if inner is not None:
        found.append(_items_check(schema, validator(inner)))
    return found


def _length_check(of: type[list[Any]] | type[dict[str, Any]], least: int | None, most: int | None, what: str) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is not of:
            return
        if least is not None and len(value) < least:
            where = path_text(path)
            detail = f"{where} in body should have at least {least} {what}"
            found.append(scalars.refused(where, value, detail))
        if most is not None and len(value) > most:
            text = f"Too many: {len(value)}: must have at most {most} items"
            found.append(Problem(path_text(path) or "<nil>", "FieldValueTooMany", text))

    return check


def _items_check(schema: Schema, inner: Check) -> Check:
    correlate = correlating.items_of(schema)

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is not list:
            return
        former = correlate(old) if old.__class__ is list else None
        for index, item in enumerate(value):
            inner(item, ABSENT if former is None else former(item), (path, index), found)

    return check


def _object_checks(schema: Schema) -> list[Check]:
    found: list[Check] = []
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None or most is not None:
        found.append(_length_check(dict, least, most, "properties"))
    if required := tuple(schema.get("required") or ()):
        found.append(_required_check(required))
    known = {name: validator(inner) for name, inner in properties(schema).items()}
    values = additional(schema)
    if known or values is not None:
        found.append(_members_check(known, validator(values) if values else None))
    return found


def _required_check(required: tuple[str, ...]) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is dict:
            for name in required:
                if name not in value:
                    found.append(Problem(path_text((path, name)), "FieldValueRequired", "Required value"))

    return check


def _members_check(known: Mapping[str, Check], values: Check | None) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is not dict:
            return
        former = old if old.__class__ is dict else {}
        for key, item in value.items():
            inner = known.get(key, values)
            if inner is not None:
                inner(item, former.get(key, ABSENT), (path, key), found)

    return check
