"""The values of CEL that JSON has not: unsigned numbers, timestamps, durations, types, optionals; and CEL's errors.

Bool, int (64 bits), double, string, bytes, null, list and map are Python's own. Source: the CEL language definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
NANO = 10**9


class CelError(Exception):
    """An expression could not be evaluated; the message is for people. ``&&``, ``||`` and macros may absorb it."""


def no_such_overload(*_: Any) -> CelError:
    return CelError("no such overload")


class Uint(int):
    """An unsigned 64-bit number (``1u``)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment: nanoseconds since 1970, UTC."""

    nanos: int


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    nanos: int


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What ``type(x)`` gives; equal by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    """An optional value: ``present`` False is ``optional.none()``."""

    present: bool
    value: Any = None


NONE = Optional(False)


class Opaque:
    """A value of a library (a URL, an IP address): it has methods but no fields. ``cel_type`` is its type's name."""

    __slots__ = ()
    cel_type = ""


class SetList(list[Any]):
    """A list with x-kubernetes-list-type set: equal in any order, ``+`` is the union."""

    __slots__ = ()


class MapList(list[Any]):
    """A list with x-kubernetes-list-type map: equal in any order, ``+`` merges by ``keys``."""

    __slots__ = ("keys",)

    def __init__(self, items: list[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys


class Typed(dict[str, Any]):
    """An object of a named type (``Object.spec{...}``), as an expression constructs it."""

    __slots__ = ("cel_type",)

    def __init__(self, cel_type: str, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.cel_type = cel_type


_TYPE_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    SetList: "list",
    MapList: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeValue: "type",
    Optional: "optional_type",
}


def type_name(value: Any) -> str:
    """The name of a value's type, as ``type()`` shows it."""
    known = _TYPE_NAMES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Opaque | Typed):
        return value.cel_type
    return "map" if isinstance(value, dict) else "list" if isinstance(value, list) else "dyn"


def checked_int(value: int) -> int:
    """Raises CelError for what 64 bits do not hold."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelError("integer overflow")


def checked_uint(value: int) -> Uint:
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise CelError("unsigned integer overflow")
