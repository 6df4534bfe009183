"""``"%s has %d".format([...])``: the clauses of CEL's strings extension."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from podo.cel.frame import Frame
from podo.cel.library.standard import double_text, to_string
from podo.cel.values import CelError, Duration, Timestamp, TypeValue, Uint, type_name

_clause = re.compile(r"%(?:\.([0-9]{1,4}))?(.)|%", re.DOTALL)
_MAX_PRECISION = 1000
_NESTED = 64


def formatted(frame: Frame, text: str, args: list[Any]) -> str:
    """Raises CelError for an unknown clause, a missing argument or one of the wrong type."""
    at = 0

    def put(found: re.Match[str]) -> str:
        nonlocal at
        precision, verb = found.groups()
        if verb == "%" and precision is None:
            return "%"
        if verb is None or verb not in _VERBS:
            raise CelError(f'could not parse formatting clause: unrecognized formatting clause "{verb or ""}"')
        if at >= len(args):
            raise CelError(f"index {at} out of range")
        value, at = args[at], at + 1
        written = _VERBS[verb](frame, value, min(int(precision or 6), _MAX_PRECISION))
        frame.spend(len(written) // 10)
        return written

    return _clause.sub(put, text)


def _wrong(verb: str, value: Any, allowed: str) -> CelError:
    why = f"{verb} clause can only be used on {allowed}, was given {type_name(value)}"
    return CelError(f"error during formatting: {why}")


def _string(frame: Frame, value: Any, precision: int, depth: int = 0) -> str:
    frame.spend(1)
    if depth > _NESTED:
        raise CelError("error during formatting: the value is nested too deeply")
    if isinstance(value, list):
        return "[" + ", ".join(_string(frame, item, 0, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        pairs = [(_string(frame, key, 0), _string(frame, item, 0, depth + 1)) for key, item in value.items()]
        return "{" + ", ".join(f"{key}: {item}" for key, item in sorted(pairs)) + "}"
    if value is None:
        return "null"
    if isinstance(value, TypeValue):
        return value.name
    if isinstance(value, bool | int | float | str | bytes | Timestamp | Duration):
        return to_string(value)
    raise _wrong("string", value, "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps")


def _decimal(frame: Frame, value: Any, precision: int) -> str:
    if type(value) is float and not math.isfinite(value):
        return double_text(value)
    if type(value) not in (int, Uint):
        raise _wrong("decimal", value, "integers")
    return str(int(value))


def _float(form: str) -> Callable[[Frame, Any, int], str]:
    def write(frame: Frame, value: Any, precision: int) -> str:
        if type(value) not in (int, Uint, float):
            raise _wrong("fixed-point" if form == "f" else "scientific", value, "doubles")
        if type(value) is float and not math.isfinite(value):
            return double_text(value)
        return f"{float(value):.{precision}{form}}"

    return write


def _hexadecimal(form: str) -> Callable[[Frame, Any, int], str]:
    def write(frame: Frame, value: Any, precision: int) -> str:
        if type(value) in (int, Uint):
            return f"{int(value):{form}}"
        if not isinstance(value, str | bytes):
            raise _wrong("hex", value, "integers, byte buffers, and strings")
        digits = (value.encode() if isinstance(value, str) else value).hex()
        return digits.upper() if form == "X" else digits

    return write


def _base(form: str, name: str) -> Callable[[Frame, Any, int], str]:
    def write(frame: Frame, value: Any, precision: int) -> str:
        if type(value) not in (int, Uint) and not (type(value) is bool and form == "b"):
            raise _wrong(name, value, "integers and bools" if form == "b" else "integers")
        return f"{int(value):{form}}"

    return write


_VERBS: dict[str, Callable[[Frame, Any, int], str]] = {
    "s": _string,
    "d": _decimal,
    "f": _float("f"),
    "e": _float("e"),
    "x": _hexadecimal("x"),
    "X": _hexadecimal("X"),
    "b": _base("b", "binary"),
    "o": _base("o", "octal"),
}
