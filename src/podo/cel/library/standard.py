"""CEL's standard functions: size, texts, and conversions between types. Their declarations are the checker's own."""

from __future__ import annotations

import math
import re
from typing import Any

from podo.cel.library import regex, times
from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import (
    INT_MAX,
    INT_MIN,
    NANO,
    UINT_MAX,
    CelError,
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    type_name,
)

_LONGEST_NUMBER = 64
_is_int = re.compile(r"[+-]?[0-9]+", re.ASCII).fullmatch
_is_uint = re.compile(r"[0-9]+", re.ASCII).fullmatch
_is_double = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.ASCII | re.I)
_BOOLS = {**dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True)}
_BOOLS |= dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False)


def _cannot(value: str, wanted: str) -> CelError:
    return CelError(f"type conversion error from '{value}' to '{wanted}'")


def to_int(value: Any) -> int:
    if type(value) is float:
        if not math.isfinite(value) or not INT_MIN < value < INT_MAX:
            raise CelError("integer overflow")
        return int(value)
    if type(value) is str:
        if not _is_int(value) or len(value) > _LONGEST_NUMBER:
            raise _cannot("string", "int")
        value = int(value)
    elif type(value) is Timestamp:
        return value.nanos // NANO
    elif type(value) is Duration:
        return value.nanos
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("integer overflow")
    return int(value)


def to_uint(value: Any) -> Uint:
    if type(value) is float:
        if not math.isfinite(value) or not 0 <= value < UINT_MAX:
            raise CelError("unsigned integer overflow")
        return Uint(int(value))
    if type(value) is str:
        if not _is_uint(value) or len(value) > _LONGEST_NUMBER:
            raise _cannot("string", "uint")
        value = int(value)
    if not 0 <= value <= UINT_MAX:
        raise CelError("unsigned integer overflow")
    return Uint(value)


def to_double(value: Any) -> float:
    if type(value) is str and (not _is_double.fullmatch(value) or len(value) > _LONGEST_NUMBER):
        raise _cannot("string", "double")
    return float(value)


def to_bool(value: Any) -> bool:
    if type(value) is str:
        if value not in _BOOLS:
            raise _cannot("string", "bool")
        return _BOOLS[value]
    return bool(value)


def to_string(value: Any) -> str:
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return double_text(value)
    if kind is bytes:
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None
    if kind is Timestamp:
        return times.timestamp_text(value)
    if kind is Duration:
        return times.duration_text(value)
    return str(int(value)) if kind is Uint else str(value)


def double_text(value: float) -> str:
    """The shortest text that reads back the same, with an exponent below 1e-4 and from 1e21 (Go's ``%g``)."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    digits, _, exponent = f"{value!r}".partition("e")
    if value and not 1e-4 <= abs(value) < 1e21:
        if not exponent:
            digits, _, exponent = _scientific(value)
        return f"{digits.removesuffix('.0')}e{'-' if exponent.startswith('-') else '+'}{exponent.lstrip('+-'):0>2}"
    return f"{int(value)}" if value == int(value) else (repr(value) if not exponent else f"{value:.20f}".rstrip("0"))


def _scientific(value: float) -> tuple[str, str, str]:
    for precision in range(17):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text.partition("e")
    return f"{value:.17e}".partition("e")


def to_bytes(value: Any) -> bytes:
    return value if type(value) is bytes else str(value).encode()


def _conversions(name: str, result: str, run: Any, *params: str) -> tuple[Function, ...]:
    return tuple(function(name, param, result, run) for param in params)


def _contains_cost(text: str, part: str) -> int:
    return max(1, -(-len(text) // 10) * -(-len(part) // 10))


FUNCTIONS: tuple[Function, ...] = (
    function("size", "string", "int", len),
    function("size", "bytes", "int", len),
    function("size", "list<dyn>", "int", len),
    function("size", "map<dyn,dyn>", "int", len),
    method("size", "string", "int", len),
    method("size", "bytes", "int", len),
    method("size", "list<dyn>", "int", len),
    method("size", "map<dyn,dyn>", "int", len),
    method("contains", "string; string", "bool", lambda text, part: part in text, cost=_contains_cost),
    method("startsWith", "string; string", "bool", str.startswith, cost=lambda text, part: tenth(part)),
    method("endsWith", "string; string", "bool", str.endswith, cost=lambda text, part: tenth(part)),
    *regex.MATCHES,
    *_conversions("int", "int", to_int, "int", "uint", "double", "string", "timestamp", "duration"),
    *_conversions("uint", "uint", to_uint, "uint", "int", "double", "string"),
    *_conversions("double", "double", to_double, "double", "int", "uint", "string"),
    *_conversions("bool", "bool", to_bool, "bool", "string"),
    *_conversions("bytes", "bytes", to_bytes, "bytes", "string"),
    function("dyn", "dyn", "dyn", lambda value: value),
    function("type", "dyn", "type", lambda value: TypeValue(type_name(value))),
    *times.FUNCTIONS,
)
_TEXTS = ("string", "bool", "int", "uint", "double", "bytes", "timestamp", "duration")
#: Apart, because other libraries add to it.
TEXTS: tuple[Function, ...] = _conversions("string", "string", to_string, *_TEXTS)
