"""Decoders of plain values: each takes a JSON value and gives what is stored, or raises WrongType.

Quantities, times and bytes are stored in their canonical form, as upstream's types write them.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from podo.api.schema.mismatch import BadValue, WrongType, name_of
from podo.values import quantity, timestamp

#: ``decode(value, path, unknown)``: ``path`` is a chain of (path before, key or index); messages of unknown fields
#: go to ``unknown``.
Decoder = Callable[[Any, Any, list[str]], Any]

_INT32 = 2**31
_INT64 = 2**63
_rfc3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch


def _string(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is not str:
        raise WrongType(name_of(value), "string")
    return value


def _bool(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is not bool:
        raise WrongType(name_of(value), "bool")
    return value


def _integer(limit: int, name: str) -> Decoder:
    def integer(value: Any, path: Any, unknown: list[str]) -> Any:
        if value.__class__ is not int or not -limit <= value < limit:
            number = value.__class__ in (int, float)
            raise WrongType(f"number {value}" if number else name_of(value), name)
        return value

    return integer


def _double(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is not int and value.__class__ is not float:
        raise WrongType(name_of(value), "float64")
    return value


def _int_or_string(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is str:
        return value
    if value.__class__ is not int or not -_INT32 <= value < _INT32:
        number = value.__class__ in (int, float)
        raise WrongType(f"number {value}" if number else name_of(value), "int32")
    return value


def _quantity(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is int or value.__class__ is float:
        value = str(value)
    elif value.__class__ is not str:
        raise BadValue(quantity.MALFORMED)
    try:
        return quantity.canonical(value)
    except quantity.QuantityError as problem:
        raise BadValue(str(problem)) from None


def _time_decoder(layout: str, write: Callable[[float], str]) -> Decoder:
    @lru_cache(maxsize=4096)
    def canonical(text: str) -> str:
        try:
            if not _rfc3339(text):
                raise ValueError
            return write(timestamp.parse(text))
        except (ValueError, OverflowError):
            raise BadValue(f'parsing time "{text}" as "{layout}": cannot parse it') from None

    def decode(value: Any, path: Any, unknown: list[str]) -> Any:
        if value.__class__ is not str:
            raise WrongType(name_of(value), "string")
        if len(value) > 64:
            raise BadValue(f'parsing time "{value[:64]}..." as "{layout}": cannot parse it')
        return canonical(value)

    return decode


def _bytes(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is not str:
        raise WrongType(name_of(value), "[]uint8")
    text = value.replace("\n", "").replace("\r", "") if "\n" in value or "\r" in value else value
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise BadValue(f"illegal base64 data at input byte {_base64_end(text)}") from None
    return text


def _base64_end(text: str) -> int:
    """Where the base64 ends to be valid."""
    match = re.match(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{0,3})", text, re.ASCII)
    return match.end() if match and match.end() < len(text) else len(text) // 4 * 4


def _object(value: Any, path: Any, unknown: list[str]) -> Any:
    if value.__class__ is not dict:
        raise WrongType(name_of(value), "map[string]interface {}")
    return value


def _any(value: Any, path: Any, unknown: list[str]) -> Any:
    return value


DECODERS: dict[str, Decoder] = {
    "string": _string,
    "bool": _bool,
    "int32": _integer(_INT32, "int32"),
    "int64": _integer(_INT64, "int64"),
    "double": _double,
    "int-or-string": _int_or_string,
    "quantity": _quantity,
    "time": _time_decoder("2006-01-02T15:04:05Z07:00", timestamp.time),
    "micro-time": _time_decoder("2006-01-02T15:04:05.000000Z07:00", timestamp.micro_time),
    "byte": _bytes,
    "object": _object,
    "any": _any,
}

#: The class of which every value is right as it is (an integer: if it has 32 bits): the common case, needing no call.
PLAIN: dict[str, type] = {"string": str, "bool": bool, "int32": int, "int64": int}

#: What null becomes inside a list or a map, where it cannot be left out: Go's zero value.
ZERO: dict[str, Any] = {
    "string": "",
    "bool": False,
    "int32": 0,
    "int64": 0,
    "double": 0,
    "int-or-string": 0,
    "quantity": "0",
    "byte": "",
}

#: How Go names the types in messages.
GO_NAMES: dict[str, str] = {
    "bool": "bool",
    "int32": "int32",
    "int64": "int64",
    "double": "float64",
    "byte": "[]uint8",
    "quantity": "resource.Quantity",
    "int-or-string": "intstr.IntOrString",
    "time": "v1.Time",
    "micro-time": "v1.MicroTime",
    "object": "map[string]interface {}",
    "any": "interface {}",
}
