"""Validation of texts and numbers, and of values out of a closed set."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson

from podo.api.kind import Problem
from podo.api.rules import Found
from podo.api.structural import formats, patterns
from podo.api.structural.walking import Path, Schema, path_text

Check = Callable[[Any, Any, Path, Found], None]
_NUMBERS = (int, float)


def refused(where: str, value: Any, detail: str) -> Problem:
    """A value that is not as the schema has it."""
    shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Problem(where or "<nil>", "FieldValueInvalid", f"Invalid value: {shown}: {detail}")


def checks(schema: Schema) -> list[Check]:
    found = [_length(schema), _pattern(schema), _format(schema), _range(schema), _multiple(schema)]
    return [one for one in found if one is not None]


def enum_check(schema: Schema) -> Check | None:
    values = schema.get("enum")
    if not values:
        return None
    allowed = frozenset(map(orjson.dumps, values))
    listed = ", ".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in values)
    nullable = bool(schema.get("nullable"))

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if (value is None and nullable) or orjson.dumps(value) in allowed:
            return
        if value.__class__ is float and value.is_integer() and orjson.dumps(int(value)) in allowed:
            return
        shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        message = f"Unsupported value: {shown}: supported values: {listed}"
        found.append(Problem(path_text(path) or "<nil>", "FieldValueNotSupported", message))

    return check


def _length(schema: Schema) -> Check | None:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if least is None and most is None:
        return None

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is not str:
            return
        if least is not None and len(value) < least:
            where = path_text(path)
            found.append(refused(where, value, f"{where} in body should be at least {least} chars long"))
        if most is not None and len(value) > most:
            text = f"Too long: may not be more than {most} bytes"
            found.append(Problem(path_text(path) or "<nil>", "FieldValueTooLong", text))

    return check


def _pattern(schema: Schema) -> Check | None:
    pattern = schema.get("pattern")
    if not pattern:
        return None

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is str and not _is_found(pattern, value):
            where = path_text(path)
            found.append(refused(where, value, f"{where} in body should match '{pattern}'"))

    return check


def _is_found(pattern: str, text: str) -> bool:
    try:
        return patterns.searcher(pattern)(text) is not None
    except patterns.BadPattern:
        return False


def _format(schema: Schema) -> Check | None:
    format = schema.get("format") or ""
    is_good = formats.checker(format)
    if is_good is None:
        return None

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ is str and not is_good(value):
            where = path_text(path)
            shown = json.dumps(value, ensure_ascii=False)
            message = f"Invalid value: {shown}: {where} in body must be of type {format}: {shown}"
            found.append(Problem(where or "<nil>", "FieldValueTypeInvalid", message))

    return check


def _range(schema: Schema) -> Check | None:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return None
    above, below = bool(schema.get("exclusiveMinimum")), bool(schema.get("exclusiveMaximum"))

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ not in _NUMBERS:
            return
        if most is not None and (value >= most if below else value > most):
            where, limit = path_text(path), "less than" if below else "less than or equal to"
            found.append(refused(where, value, f"{where} in body should be {limit} {number(most)}"))
        if least is not None and (value <= least if above else value < least):
            where, limit = path_text(path), "greater than" if above else "greater than or equal to"
            found.append(refused(where, value, f"{where} in body should be {limit} {number(least)}"))

    return check


def _multiple(schema: Schema) -> Check | None:
    of = schema.get("multipleOf")
    if not of:
        return None

    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        if value.__class__ in _NUMBERS and not float(value / of).is_integer():
            where = path_text(path)
            found.append(refused(where, value, f"{where} in body should be a multiple of {number(of)}"))

    return check


def number(value: float) -> str:
    """A number as Go's ``%v`` has it: ``10`` for 10.0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(value)
