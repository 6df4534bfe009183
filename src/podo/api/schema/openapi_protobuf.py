"""The OpenAPI v2 document in protobuf, the only form in which kubectl and other Go clients take it.

Source: the messages of ``openapi.v2`` (OpenAPIv2.proto of gnostic); the Protocol Buffers encoding guide. Only what
podo's documents have is written: what they do not have yet raises ``KeyError``, so that nothing is lost silently.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import orjson

from podo.runtime.slices import rest

Value = bytes | bool | int | float
#: What it is called in an answer. Clients ask with ``@`` for the last but one dot, which is no media type.
MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

#: Message -> JSON name -> (field number, what it holds). ``[]``: repeated; ``{}``: named values in a message of their
#: own; ``text``, ``truth``, ``whole``, ``number`` and ``any`` (JSON as text) are values; other names are messages.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Document": {"swagger": (1, "text"), "info": (2, "Info"), "paths": (8, "Paths"), "definitions": (9, "Definitions")},
    "Info": {"title": (1, "text"), "version": (2, "text"), "description": (3, "text")},
    "PathItem": {
        "get": (2, "Operation"),
        "put": (3, "Operation"),
        "post": (4, "Operation"),
        "delete": (5, "Operation"),
        "patch": (8, "Operation"),
        "parameters": (9, "[]ParametersItem"),
    },
    "Operation": {
        "tags": (1, "[]text"),
        "description": (3, "text"),
        "operationId": (5, "text"),
        "produces": (6, "[]text"),
        "consumes": (7, "[]text"),
        "parameters": (8, "[]ParametersItem"),
        "responses": (9, "Responses"),
    },
    "BodyParameter": {
        "description": (1, "text"),
        "name": (2, "text"),
        "in": (3, "text"),
        "required": (4, "truth"),
        "schema": (5, "Schema"),
    },
    "QueryParameter": {
        "required": (1, "truth"),
        "in": (2, "text"),
        "description": (3, "text"),
        "name": (4, "text"),
        "type": (6, "text"),
        "uniqueItems": (20, "truth"),
    },
    "PathParameter": {
        "required": (1, "truth"),
        "in": (2, "text"),
        "description": (3, "text"),
        "name": (4, "text"),
        "type": (5, "text"),
        "uniqueItems": (19, "truth"),
    },
    "Response": {"description": (1, "text"), "schema": (2, "SchemaItem")},
    "Schema": {
        "$ref": (1, "text"),
        "format": (2, "text"),
        "title": (3, "text"),
        "description": (4, "text"),
        "default": (5, "any"),
        "multipleOf": (6, "number"),
        "maximum": (7, "number"),
        "exclusiveMaximum": (8, "truth"),
        "minimum": (9, "number"),
        "exclusiveMinimum": (10, "truth"),
        "maxLength": (11, "whole"),
        "minLength": (12, "whole"),
        "pattern": (13, "text"),
        "maxItems": (14, "whole"),
        "minItems": (15, "whole"),
        "uniqueItems": (16, "truth"),
        "maxProperties": (17, "whole"),
        "minProperties": (18, "whole"),
        "required": (19, "[]text"),
        "enum": (20, "[]any"),
        "additionalProperties": (21, "SchemaOrTruth"),
        "type": (22, "TypeItem"),
        "items": (23, "SchemaItem"),
        "properties": (25, "{}Schema"),
        "externalDocs": (29, "ExternalDocs"),
        "example": (30, "any"),
    },
    "ExternalDocs": {"description": (1, "text"), "url": (2, "text")},
}
#: Message -> the number of its vendor extensions (``x-...``).
_EXTENSIONS = {"Operation": 13, "Schema": 31}


def is_asked_for(accept: str) -> bool:
    """Does an Accept header name it?"""
    return MEDIA_TYPE in accept.replace("@", ".")


def encode(document: dict[str, Any]) -> bytes:
    """A whole ``/openapi/v2`` document. Its path items and definitions may be encoded before (``message``)."""
    return message("Document", document)


def message(name: str, value: dict[str, Any]) -> bytes:
    """What is in a ``PathItem``, a ``Schema`` or another message."""
    fields, parts = _MESSAGES[name], []
    for key, inner in value.items():
        if key.startswith("x-"):
            parts.append(_field(_EXTENSIONS[name], _named(key, _any(inner))))
            continue
        number, holds = fields[key]
        many = inner if holds.startswith("[]") else [inner]
        parts += [_field(number, _value(holds.removeprefix("[]"), one)) for one in many]
    return b"".join(parts)


def _value(holds: str, value: Any) -> Value:
    scalar = _SCALARS.get(holds)
    if scalar is not None:
        return scalar(value)
    if holds.startswith("{}"):
        return b"".join(_field(1, _named(key, message(holds[2:], one))) for key, one in value.items())
    special = _SPECIAL.get(holds)
    return special(value) if special else message(holds, value)


def _field(number: int, value: Value) -> bytes:
    """A field with its key: a varint for truths and whole numbers, eight bytes for others, bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value) & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _named(name: str, value: bytes) -> bytes:
    return _field(1, name.encode()) + _field(2, value)


def _any(value: Any) -> bytes:
    return _field(2, orjson.dumps(value))


def _paths(value: dict[str, Any]) -> bytes:
    return b"".join(_field(2, _named(path, _whole("PathItem", item))) for path, item in value.items())


def _definitions(value: dict[str, Any]) -> bytes:
    return b"".join(_field(1, _named(name, _whole("Schema", schema))) for name, schema in value.items())


def _whole(name: str, value: dict[str, Any] | bytes) -> bytes:
    """One of the large parts of a document."""
    if isinstance(value, bytes):
        return value
    rest()
    return message(name, value)


def _parameter(value: dict[str, Any]) -> bytes:
    """ParametersItem > Parameter > one of the kinds of parameter."""
    if value["in"] == "body":
        parameter = _field(1, message("BodyParameter", value))
    else:
        number, name = {"query": (3, "QueryParameter"), "path": (4, "PathParameter")}[value["in"]]
        parameter = _field(2, _field(number, message(name, value)))
    return _field(1, parameter)


def _responses(value: dict[str, Any]) -> bytes:
    return b"".join(_field(1, _named(code, _field(1, message("Response", answer)))) for code, answer in value.items())


def _schema_or_truth(value: Any) -> bytes:
    return _field(2, value) if isinstance(value, bool) else _field(1, message("Schema", value))


_SCALARS: dict[str, Callable[[Any], Value]] = {
    "text": lambda value: str(value).encode(),
    "truth": bool,
    "whole": int,
    "number": float,
}
_SPECIAL: dict[str, Callable[[Any], bytes]] = {
    "any": _any,
    "Paths": _paths,
    "Definitions": _definitions,
    "ParametersItem": _parameter,
    "Responses": _responses,
    "SchemaOrTruth": _schema_or_truth,
    "SchemaItem": lambda value: _field(1, message("Schema", value)),
    "TypeItem": lambda value: _field(1, str(value).encode()),
}
