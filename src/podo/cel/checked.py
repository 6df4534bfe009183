"""Reading a checked expression from the bytes in which cel-cpp hands it out.

The bytes are a protobuf ``cel.expr.CheckedExpr`` (checked.proto and syntax.proto of the CEL specification); only what
evaluation and cost need is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from podo.cel.tree import (
    DYN,
    Call,
    Checked,
    CheckedType,
    Comprehension,
    Const,
    Entry,
    Ident,
    ListNode,
    Node,
    Select,
    StructNode,
)
from podo.cel.values import Uint

#: An expression nested deeper is refused (cel-go's parser stops at 250 levels).
MAX_DEPTH = 300


class TooDeep(Exception):
    """The expression is nested deeper than MAX_DEPTH."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: an int, or bytes."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        wire = tag & 7
        value: Any
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = data[at : at + 8], at + 8
        elif wire == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            value, at = data[at : at + 4], at + 4
        yield tag >> 3, value


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def read(data: bytes) -> Checked:
    """``data``: a CheckedExpr or ParsedExpr in a ``google.protobuf.Any``. Raises TooDeep."""
    found = Checked(Node(0))
    whole = dict(_fields(data))
    if whole[1].endswith(b".ParsedExpr"):
        found.root = _expr(dict(_fields(whole[2]))[2], 0)
        return found
    for number, value in _fields(whole[2]):
        if number == 2:
            _reference(found, dict(_fields(value)))
        elif number == 3:
            entry = dict(_fields(value))
            found.types[entry.get(1, 0)] = _type(entry.get(2, b""))
        elif number == 4:
            found.root = _expr(value, 0)
    return found


def _reference(found: Checked, entry: dict[int, Any]) -> None:
    node, overloads = entry.get(1, 0), []
    for number, value in _fields(entry.get(2, b"")):
        if number == 1:
            found.references[node] = value.decode()
        elif number == 3:
            overloads.append(value.decode())
    if overloads:
        found.overloads[node] = tuple(overloads)


_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWN = {1: "any", 2: "google.protobuf.Timestamp", 3: "google.protobuf.Duration"}


def _type(data: bytes) -> CheckedType:
    for number, value in _fields(data):
        if number == 2:
            return CheckedType("null_type")
        if number in (3, 4):
            return CheckedType(_PRIMITIVES.get(value, "dyn"))
        if number == 5:
            return CheckedType(_WELL_KNOWN.get(value, "dyn"))
        if number in (6, 7):
            return CheckedType("list" if number == 6 else "map", tuple(_type(one) for _, one in _fields(value)))
        if number == 9:
            return CheckedType(value.decode(), is_message=True)
        if number == 14:
            return _abstract(value)
    return DYN


def _abstract(data: bytes) -> CheckedType:
    name, params = "", []
    for number, value in _fields(data):
        if number == 1:
            name = value.decode()
        else:
            params.append(_type(value))
    return CheckedType(name, tuple(params))


def _expr(data: bytes, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise TooDeep
    node, kind, body = 0, 0, b""
    for number, value in _fields(data):
        if number == 2:
            node = _signed(value)
        else:
            kind, body = number, value
    reader = _READERS.get(kind)
    return reader(node, body, depth + 1) if reader else Const(node, None)


def _const(node: int, data: bytes, depth: int) -> Node:
    for number, value in _fields(data):
        if number == 2:
            return Const(node, bool(value))
        if number == 3:
            return Const(node, _signed(value))
        if number == 4:
            return Const(node, Uint(value))
        if number == 5:
            return Const(node, struct.unpack("<d", value)[0])
        if number == 6:
            return Const(node, value.decode())
        if number == 7:
            return Const(node, value)
    return Const(node, None)


def _ident(node: int, data: bytes, depth: int) -> Node:
    return Ident(node, dict(_fields(data)).get(1, b"").decode())


def _select(node: int, data: bytes, depth: int) -> Node:
    found = dict(_fields(data))
    return Select(node, _expr(found[1], depth), found.get(2, b"").decode(), bool(found.get(3)))


def _call(node: int, data: bytes, depth: int) -> Node:
    call = Call(node, None, "", [])
    for number, value in _fields(data):
        if number == 1:
            call.target = _expr(value, depth)
        elif number == 2:
            call.function = value.decode()
        else:
            call.args.append(_expr(value, depth))
    return call


def _list(node: int, data: bytes, depth: int) -> Node:
    elements, optional = [], set()
    for number, value in _fields(data):
        if number == 1:
            elements.append(_expr(value, depth))
        elif isinstance(value, int):
            optional.add(value)
        else:
            at = 0
            while at < len(value):
                index, at = _varint(value, at)
                optional.add(index)
    return ListNode(node, elements, frozenset(optional))


def _struct(node: int, data: bytes, depth: int) -> Node:
    found = StructNode(node, "", [])
    for number, value in _fields(data):
        if number == 1:
            found.message = value.decode()
            continue
        entry = dict(_fields(value))
        key: Node | str = _expr(entry[3], depth) if 3 in entry else entry.get(2, b"").decode()
        found.entries.append(Entry(key, _expr(entry[4], depth), bool(entry.get(5))))
    return found


def _comprehension(node: int, data: bytes, depth: int) -> Node:
    found = dict(_fields(data))
    parts = {number: _expr(found[number], depth) for number in (2, 4, 5, 6, 7)}
    name = {number: found.get(number, b"").decode() for number in (1, 3, 8)}
    return Comprehension(node, name[1], name[8], parts[2], name[3], parts[4], parts[5], parts[6], parts[7])


_READERS = {3: _const, 4: _ident, 5: _select, 6: _call, 7: _list, 8: _struct, 9: _comprehension}
