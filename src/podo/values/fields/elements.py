"""Path elements of field sets as text: made from values, checked when a client sends them, shown in messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from podo.values.fields import LEAF, SELF, Fields, Path, is_member

#: The deepest set of fields that is read.
MAX_DEPTH = 200


class FieldsError(ValueError):
    """What a client sent is not a set of fields."""


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def of_name(name: str) -> str:
    return "f:" + name


def of_keys(keys: Mapping[str, Any]) -> str:
    """The element of a list whose items are known by the values of some members: ``k:{"name":"web"}``."""
    return "k:" + _compact(keys)


def of_value(value: Any) -> str:
    """The element of a set: ``v:"x"``."""
    return "v:" + _compact(value)


def checked(fields: Any, depth: int = 0) -> Fields:
    """A set a client sent, its elements in the one form that podo writes. Raises FieldsError."""
    if not isinstance(fields, dict):
        raise FieldsError("a set of fields must be an object")
    if depth > MAX_DEPTH:
        raise FieldsError(f"exceeded max depth of {MAX_DEPTH}")
    found: Fields = {}
    for element, below in fields.items():
        node = checked(below, depth + 1)
        if element != SELF:
            found[_canonical(element)] = node
        elif depth and len(fields) > 1:
            found[SELF] = LEAF
    return found


def _canonical(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "f":
        return element
    if kind not in ("k", "v", "i"):
        raise FieldsError(f"missing or unknown kind of path element: {element[:100]!r}")
    try:
        value = json.loads(text)
    except ValueError:
        raise FieldsError(f"a path element does not hold JSON: {element[:100]!r}") from None
    if (kind == "k" and not (isinstance(value, dict) and value)) or (kind == "i" and type(value) is not int):
        raise FieldsError(f"malformed path element: {element[:100]!r}")
    return f"{kind}:{_compact(value)}"


def shown(path: Path) -> str:
    """A path as messages show it: ``.spec.template.spec.containers[name="web"].image``."""
    return "".join(map(_shown, path))


def _shown(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "f":
        return "." + text
    if kind == "v":
        return f"[={text}]"
    if kind == "i":
        return f"[{text}]"
    pairs = json.loads(text)
    return "[" + ",".join(f"{key}={_compact(value)}" for key, value in sorted(pairs.items())) + "]"


def lines(fields: Fields, above: str = "") -> Iterator[str]:
    """Every path of a set as text, in the order upstream lists them: by kind and name, members before what is below
    others.
    """
    ordered = sorted((element for element in fields if element != SELF), key=_order)
    for element in ordered:
        if is_member(fields[element]):
            yield above + _shown(element)
    for element in ordered:
        if fields[element]:
            yield from lines(fields[element], above + _shown(element))


def _order(element: str) -> tuple[int, str]:
    return "fkvi".index(element[0]), element
