"""What a mutation makes of an object: an apply configuration merged by the kind's layout, or a JSON patch."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from podo.api.kind import Obj
from podo.api.kinds.admissionregistration.mutationexpressions import Mutation
from podo.cel.library.times import duration_text, timestamp_text
from podo.cel.values import CelError, Duration, MapList, SetList, Timestamp, Typed, Uint, type_name
from podo.values.fields.layout import DEDUCED, UNKNOWN, UNTRACKED, Items, Keyed, Layout, Struct
from podo.values.patch import PatchError, json
from podo.values.patch.apply import check, merge

_MAX_DEPTH = 100


class MutationError(Exception):
    """The mutation cannot be carried out; the words are upstream's."""


def applied(obj: Obj, value: Any, mutation: Mutation, layout: Struct) -> Obj:
    """``obj`` with the constructed object ``value`` merged into it. Raises MutationError."""
    config = _plain(value, mutation.types, "Object")
    if not isinstance(config, dict):
        raise MutationError(f"unsupported return type from ApplyConfiguration expression: {type_name(value)}")
    if unknown := next(_unknown(config, layout, ""), None):
        why = f"failed to convert patch object to typed object: {unknown}: field not declared in schema"
        raise MutationError(f"error applying patch: {why}")
    if atomic := list(_atomic(config, layout, "")):
        why = f"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {', '.join(atomic)}"
        raise MutationError(f"error applying patch: {why}")
    try:
        check(config, layout)
        merged: Obj = merge(obj, config, layout)
    except PatchError as problem:
        raise MutationError(f"error applying patch: {problem}") from None
    return _copied(merged)


def patched(obj: Obj, value: Any, mutation: Mutation) -> Obj:
    """``obj`` after the JSON patch that an expression made: as it is where one of the patch's tests fails. Raises
    MutationError."""
    operations = [_operation(one, mutation) for one in value if isinstance(one, dict)]
    try:
        found = json.apply(_copied(obj), operations)
    except PatchError as problem:
        if problem.failed_test:
            return _copied(obj)
        raise MutationError(f"error applying patch: {problem}") from None
    if not isinstance(found, dict) or not isinstance(found.get("metadata", {}), dict):
        raise MutationError("error applying patch: the patched value is not an object with metadata")
    return found


def _copied(obj: Obj) -> Obj:
    """Its own: what an expression took from the request is not to be changed with it."""
    found: Obj = orjson.loads(orjson.dumps(obj))
    return found


def _operation(one: Mapping[str, Any], mutation: Mutation) -> dict[str, Any]:
    operation = {key: _plain(item, mutation.types, "") for key, item in one.items()}
    if operation.get("op") in ("add", "replace", "test"):
        operation.setdefault("value", None)
    return operation


def _plain(value: Any, types: Mapping[str, str], path: str, depth: int = 0) -> Any:
    """As JSON. ``path``: the type's name that an object of the configuration must have; "" where any may stand."""
    if depth > _MAX_DEPTH:
        raise MutationError("the object is nested too deeply")
    if isinstance(value, Typed):
        _check_name(types.get(value.cel_type, value.cel_type), path)
    if isinstance(value, dict):
        inner = f"{path}." if path else ""
        return {
            str(key): _plain(item, types, f"{inner}{key}" if inner else "", depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | SetList | MapList):
        return [_plain(item, types, path, depth + 1) for item in value]
    return _scalar(value)


def _check_name(name: str, expected: str) -> None:
    if expected and name != expected:
        why = f'unexpected type name "{name}", expected "{expected}", which matches field name path from root'
        raise MutationError(f"type mismatch: {why} Object type")


def _scalar(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return timestamp_text(value)
    if isinstance(value, Duration):
        return duration_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Uint):
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CelError(f"no JSON for a value of type {type_name(value)}")


def _members(value: Any, layout: Layout | None, path: str) -> Iterator[tuple[Any, Layout | None, str]]:
    """The parts of a value that have a layout of their own."""
    if isinstance(layout, Struct) and isinstance(value, dict):
        for name, item in value.items():
            yield item, layout.member(name)[1], f"{path}.{name}"
    elif isinstance(layout, Keyed | Items) and isinstance(value, list):
        for index, item in enumerate(value):
            yield item, layout.element, f"{path}[{index}]"


def _unknown(value: Any, layout: Layout | None, path: str) -> Iterator[str]:
    for item, of, where in _members(value, layout, path):
        if of is UNKNOWN:
            yield where
        else:
            yield from _unknown(item, of, where)


def _atomic(value: Any, layout: Layout | None, path: str) -> Iterator[str]:
    for item, of, where in _members(value, layout, path):
        if of is UNTRACKED or of is DEDUCED:
            continue
        if isinstance(item, dict | list) and not isinstance(of, Struct | Keyed | Items):
            yield where
        else:
            yield from _atomic(item, of, where)
