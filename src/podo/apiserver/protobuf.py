"""Request bodies in protobuf, which kubectl and other Go clients send for what they create, as objects in wire form.

The numbers of the fields are in ``protobuf_v1_37.json``, made by ``scripts/make_protobuf_table.py``: message -> number
-> [JSON name ("" for an inlined struct), type, "o" if a zero value is left out of JSON]. ``protobuf_writing`` answers.
Source: "Kubernetes Protobuf encoding" of the API concepts; the Protocol Buffers encoding guide.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import orjson

from podo.api.encoding import PROTOBUF
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Obj
from podo.values import timestamp

MEDIA_TYPE = PROTOBUF
MAGIC = b"k8s\0"
#: Deeper messages are refused.
MAX_DEPTH = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
META = "k8s.io/apimachinery/pkg/apis/meta/v1"
_OMIT = (None, "", 0, False)

Wire = int | bytes
Fields = dict[int, list[str]]


class Malformed(ValueError):
    """The bytes are not the message they should be."""


def decode(data: bytes) -> Obj:
    """The object in a body. Raises BadRequest, and UnsupportedMediaType for a type that is not in the table."""
    if not data.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix 107 56 115 0")
    try:
        envelope = dict(_items(data[len(MAGIC) :]))
        named = {number: _text(value) for number, value in _items(_raw(envelope.get(1, b"")))}
        api_version, kind = named.get(1, ""), named.get(2, "")
        obj = _message(_message_name(api_version, kind), _raw(envelope.get(2, b"")), 0)
    except (Malformed, UnicodeDecodeError, struct.error, orjson.JSONDecodeError, OverflowError) as problem:
        raise bad_request(f"the protobuf body cannot be read: {problem}") from None
    return {"apiVersion": api_version, "kind": kind, **obj}


def known_message(api_version: str, kind: str) -> str | None:
    """The name in the table of a kind's message; None if it is not there."""
    group, _, version = api_version.rpartition("/")
    package = f"k8s.io/api/{group.partition('.')[0] or 'core'}/{version}"
    name = f"{META}.{kind}" if kind in ("DeleteOptions", "Status") else f"{package}.{kind}"
    return name if name in _table() else None


def _message_name(api_version: str, kind: str) -> str:
    name = known_message(api_version, kind)
    if name is None:
        why = f"the body of the request was in an unknown format - {MEDIA_TYPE} of {api_version}, Kind={kind}"
        raise ApiError("UnsupportedMediaType", why)
    return name


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    found = resources.files("podo.apiserver").joinpath("protobuf_v1_37.json").read_bytes()
    table: dict[str, Any] = json.loads(found)
    return table


@lru_cache(maxsize=1024)
def fields_of(name: str) -> Fields:
    """The rows of a message in the table by their numbers."""
    return {int(number): row for number, row in _table()[name].items()}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise Malformed("unexpected end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed("a number is too long")


def _items(data: bytes) -> Iterator[tuple[int, Wire]]:
    """(field number, value) of each field of a message: numbers for varints, bytes for the others."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
        if length < 0 or at + length > end:
            raise Malformed(f"field {number} is cut off or of an unknown wire type")
        yield number, data[at : at + length]
        at += length


def _raw(value: Wire) -> bytes:
    if isinstance(value, int):
        raise Malformed("expected bytes, found a number")
    return value


def _text(value: Wire) -> str:
    return _raw(value).decode()


def _int(value: Wire) -> int:
    if not isinstance(value, int):
        raise Malformed("expected a number, found bytes")
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _message(name: str, data: bytes, depth: int) -> Obj:
    if depth > MAX_DEPTH:
        raise Malformed(f"nested more than {MAX_DEPTH} deep")
    fields = fields_of(name)
    obj: Obj = {}
    for number, value in _items(data):
        row = fields.get(number)
        if row is None:
            continue  # as every reader of protobuf: a field it does not know is passed over
        json_name, shape = row[0], row[1]
        if not json_name:
            obj.update(_message(shape[1:], _raw(value), depth + 1))
        elif shape.startswith("[]"):
            obj.setdefault(json_name, []).extend(_elements(shape[2:], value, depth))
        elif shape.startswith("map:"):
            key, one = _entry(shape[4:], _raw(value), depth)
            obj.setdefault(json_name, {})[key] = one
        else:
            found = _value(shape, value, depth)
            if found is not None and (len(row) == 2 or isinstance(found, dict) or found not in _OMIT):
                obj[json_name] = found
    return obj


def _elements(shape: str, value: Wire, depth: int) -> list[Any]:
    """One element, or several numbers packed into one field."""
    if shape in ("int", "bool") and isinstance(value, bytes):
        found, at = [], 0
        while at < len(value):
            number, at = _varint(value, at)
            found.append(_value(shape, number, depth))
        return found
    return [_value(shape, value, depth)]


def _entry(shape: str, data: bytes, depth: int) -> tuple[str, Any]:
    fields = dict(_items(data))
    empty: Wire = 0 if shape in ("int", "bool") else b""
    return _text(fields.get(1, b"")), _value(shape, fields.get(2, empty), depth)


def _value(shape: str, value: Wire, depth: int) -> Any:
    if shape.startswith("@"):
        return _message(shape[1:], _raw(value), depth + 1)
    if shape.startswith("[]"):  # a list type of its own inside a map: a message with the field items = 1
        return [_value(shape[2:], one, depth) for number, one in _items(_raw(value)) if number == 1]
    return _SCALARS[shape](value)


def _double(value: Wire) -> float:
    found: float = struct.unpack("<d", _raw(value))[0]
    return found


def _quantity(value: Wire) -> str:
    return _text(dict(_items(_raw(value))).get(1, b"")) or "0"


def _int_or_string(value: Wire) -> int | str:
    fields = dict(_items(_raw(value)))
    if _int(fields.get(1, 0)):
        return _text(fields.get(3, b""))
    return _int(fields.get(2, 0))


def _moment(write: Callable[[float], str]) -> Callable[[Wire], str | None]:
    def moment(value: Wire) -> str | None:
        fields = dict(_items(_raw(value)))
        seconds = _int(fields.get(1, 0))
        if not fields or abs(seconds) > 1 << 40:
            return None  # the zero time
        try:
            return write(seconds + _int(fields.get(2, 0)) / 1e9)
        except ValueError:
            return None

    return moment


_SCALARS: dict[str, Callable[[Wire], Any]] = {
    "string": _text,
    "bool": lambda value: bool(_int(value)),
    "int": _int,
    "double": _double,
    "bytes": lambda value: base64.b64encode(_raw(value)).decode(),
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "time": _moment(timestamp.time),
    "micro-time": _moment(timestamp.micro_time),
    "raw": lambda value: orjson.loads(_raw(dict(_items(_raw(value))).get(1, b"null")) or b"null"),
}
