"""Answers in protobuf, which Go clients like best for built-in kinds: objects, lists and watch events in wire form.

Written from the table that ``protobuf`` reads with. A message is the fields that the object has, in the order of their
numbers; lists are ``{metadata = 1, items = 2}``; a watch event is ``{type = 1, object = 2}`` behind its length. Source:
"Kubernetes Protobuf encoding" of the API concepts; generated.proto; the Protocol Buffers encoding guide.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import orjson

from podo.api.kind import Kind, Obj
from podo.apiserver.protobuf import MAGIC, META, fields_of, known_message
from podo.values import timestamp

STREAM = "application/vnd.kubernetes.protobuf;stream=watch"
PARTIAL, PARTIAL_LIST = "PartialObjectMetadata", "PartialObjectMetadataList"
_VARINT, _FIXED64, _BYTES = 0, 1, 2
#: Writes a value with the key of its field in front.
Write = Callable[[Any], bytes]


def is_encodable(kind: Kind) -> bool:
    """Is the kind one that the table has?"""
    return known_message(kind.api_version, kind.kind) is not None


def encode(obj: Obj) -> bytes | None:
    """An object with its envelope; None for a type that the table does not have."""
    api_version, kind = obj.get("apiVersion") or "", obj.get("kind") or ""
    if kind == PARTIAL:
        return _envelope(api_version, kind, _field(1, _message(f"{META}.ObjectMeta", obj["metadata"])))
    name = known_message(api_version, kind)
    return None if name is None else _envelope(api_version, kind, _message(name, obj))


def encode_list(kind: Kind, metadata: Obj, values: Iterable[bytes]) -> bytes:
    """A list of a kind that is encodable. ``values``: its objects as JSON."""
    name = known_message(kind.api_version, kind.kind)
    assert name is not None
    items = (_field(2, _message(name, orjson.loads(value))) for value in values)
    return _envelope(kind.api_version, kind.list_kind, _list(metadata, items))


def encode_partial_list(metadata: Obj, items: Iterable[Obj]) -> bytes:
    """A PartialObjectMetadataList of objects as ``table.partial`` makes them."""
    written = (_field(2, _field(1, _message(f"{META}.ObjectMeta", item["metadata"]))) for item in items)
    return _envelope("meta.k8s.io/v1", PARTIAL_LIST, _list(metadata, written))


def _list(metadata: Obj, items: Iterable[bytes]) -> bytes:
    return b"".join((_field(1, _message(f"{META}.ListMeta", metadata)), *items))


def frame(type: str, value: bytes) -> bytes:
    """One event of a watch; ``value``: its object, encoded."""
    event = _field(1, type.encode()) + _field(2, _field(1, value))
    return struct.pack(">I", len(event)) + event


def unframed(data: bytes) -> Iterator[bytes]:
    """The events of one or more whole frames, without their lengths."""
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : end]
        at = end


def _envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """runtime.Unknown: the type, the message, and that it has neither another encoding nor another form."""
    named = _field(1, api_version.encode()) + _field(2, kind.encode())
    return MAGIC + _field(1, named) + _field(2, raw) + _field(3, b"") + _field(4, b"")


# Messages


def _message(name: str, obj: Obj) -> bytes:
    """``obj`` has been through the schema: its fields have the types of the table."""
    named, inlined = _writers(name)
    found = [(number, write(obj)) for number, write in inlined]
    for key, value in obj.items():
        if value is not None and (known := named.get(key)):
            found.append((known[0], known[1](value)))
    found.sort()
    return b"".join([part for _, part in found])


@lru_cache(maxsize=1024)
def _writers(name: str) -> tuple[dict[str, tuple[int, Write]], tuple[tuple[int, Write], ...]]:
    """The fields of a message by their JSON names, and the structs that JSON has inlined: number and writer."""
    made = [(row[0], number, _writer(number, row[1])) for number, row in fields_of(name).items()]
    named = {key: (number, write) for key, number, write in made if key}
    return named, tuple((number, write) for key, number, write in made if not key)


def _writer(number: int, shape: str) -> Write:
    if shape.startswith("[]"):
        one = _writer(number, shape[2:])
        return lambda values: b"".join([one(value) for value in values])
    if shape.startswith("map:"):
        return partial(_entries, number, _writer(1, "string"), _of_map(shape[4:]))
    if shape.startswith("@"):
        name = shape[1:]
        return lambda value: _field(number, _message(name, value))
    if shape in _NUMBERS:
        key, write = _key(number, _FIXED64 if shape == "double" else _VARINT), _NUMBERS[shape]
        return lambda value: key + write(value)
    content = _CONTENTS[shape]
    return lambda value: _field(number, content(value))


def _of_map(shape: str) -> Write:
    """The writer of a map's values; a list among them is a message with the field items = 1."""
    if not shape.startswith("[]"):
        return _writer(2, shape)
    items = _writer(1, shape)
    return lambda values: _field(2, items(values))


def _entries(number: int, key: Write, one: Write, value: dict[str, Any]) -> bytes:
    return b"".join([_field(number, key(name) + one(value[name])) for name in sorted(value)])


# Values


@lru_cache(maxsize=1024)
def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _field(number: int, data: bytes) -> bytes:
    return b"".join((_key(number, _BYTES), _varint(len(data)), data))


def _varint(value: int) -> bytes:
    if value < 0x80:
        return value.to_bytes(1, "little") if value >= 0 else _varint(value & (1 << 64) - 1)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _moment(text: str) -> bytes:
    """Seconds and nanoseconds; times of the API have no finer parts than microseconds."""
    micros = round(timestamp.parse(text) * 1_000_000)
    seconds, rest = divmod(micros, 1_000_000)
    return _key(1, _VARINT) + _varint(seconds) + _key(2, _VARINT) + _varint(rest * 1000)


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return _key(1, _VARINT) + b"\1" + _key(2, _VARINT) + b"\0" + _field(3, value.encode())
    return _key(1, _VARINT) + b"\0" + _key(2, _VARINT) + _varint(value) + _field(3, b"")


_NUMBERS: dict[str, Callable[[Any], bytes]] = {
    "bool": lambda value: b"\1" if value else b"\0",
    "int": lambda value: _varint(int(value)),
    "double": lambda value: struct.pack("<d", value),
}
_CONTENTS: dict[str, Callable[[Any], bytes]] = {
    "string": str.encode,
    "bytes": base64.b64decode,
    "quantity": lambda value: _field(1, str(value).encode()),
    "int-or-string": _int_or_string,
    "time": _moment,
    "micro-time": _moment,
    "raw": lambda value: _field(1, orjson.dumps(value)),
}
