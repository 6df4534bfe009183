"""From JSON to CEL by what a schema declares: texts become timestamps, durations and bytes, whole numbers doubles,
lists sets. Values without any of these stay what they are, and cost nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from podo.cel.declared import Declared
from podo.cel.library.times import parse_duration, parse_timestamp
from podo.cel.values import CelError, MapList, SetList

#: Gives a new value; the given one is not changed.
Convert = Callable[[Any], Any]


def converter(declared: Declared) -> Convert | None:
    """None where nothing is to be converted."""
    if declared.form in _SCALARS:
        return _SCALARS[declared.form]
    if declared.form == "object":
        return _of_object(declared)
    inner = converter(declared.item) if declared.item else None
    if declared.form == "map":
        return _of_map(inner) if inner else None
    if declared.form == "list":
        return _of_list(declared, inner)
    return None


def _double(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value) if isinstance(value, str) else value
    except (binascii.Error, ValueError):
        return value


def _timestamp(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_timestamp(f"{value}T00:00:00Z" if len(value) == 10 else value)
    except CelError:
        return value


def _duration(value: Any) -> Any:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except CelError:
        return value


_SCALARS: dict[str, Convert] = {
    "double": _double,
    "bytes": _bytes,
    "timestamp": _timestamp,
    "duration": _duration,
}


def _of_object(declared: Declared) -> Convert | None:
    found = {name: convert for name, inner in declared.fields.items() if (convert := converter(inner))}
    if not found:
        return None

    def run(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        changed = {name: convert(value[name]) for name, convert in found.items() if name in value}
        return {**value, **changed} if changed else value

    return run


def _of_map(inner: Convert) -> Convert:
    def run(value: Any) -> Any:
        return {key: inner(item) for key, item in value.items()} if isinstance(value, dict) else value

    return run


def _of_list(declared: Declared, inner: Convert | None) -> Convert | None:
    keys, kind = declared.keys, declared.list_type
    if inner is None and kind not in ("set", "map"):
        return None

    def run(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        items = [inner(item) for item in value] if inner else value
        if kind == "set":
            return SetList(items)
        return MapList(items, keys) if kind == "map" else items

    return run
