"""YAML as the API reads it: to plain JSON values, with YAML 1.1 booleans, without dates, and with a budget for aliases.

Built from parser events, so that neither depth nor aliases of a hostile document cost more than their limits.
Source: YAML 1.1; the scalar forms are those of the YAML reader that Kubernetes' clients and server share.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from podo.api.errors import bad_request

#: Values that aliases may add to one document.
MAX_ALIASED = 100_000
MAX_DOCUMENTS = 10_000

_Parser: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # only its events are used

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_may_be_number = frozenset("+-.0123456789")
_decimal = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII).fullmatch
_octal = re.compile(r"([-+]?)0o?([0-7]+)", re.ASCII).fullmatch
_other_base = re.compile(r"[-+]?0(x[0-9a-fA-F]+|b[01]+)", re.ASCII).fullmatch
_float = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII).fullmatch
_special = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)").fullmatch
_MAX_DIGITS = 400


def scalar(text: str) -> Any:
    """The JSON value of a plain (unquoted) scalar."""
    if text in _NULL:
        return None
    if text[0] in _may_be_number:
        return _number(text)
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    return text


def _number(text: str) -> Any:
    plain = text.replace("_", "")
    if len(plain) > _MAX_DIGITS:
        return text
    if _decimal(plain):
        number = int(plain)
        return number if -(2**63) <= number < 2**64 else float(number)
    if match := _octal(plain):
        return int(match[1] + match[2], 8)
    if _other_base(plain):
        return int(plain, 0)
    if _float(plain):
        number_ = float(plain)
        if math.isinf(number_):
            return text
        return int(number_) if number_.is_integer() and abs(number_) < 2**53 else number_
    if _special(plain):
        raise _Malformed(f"{text} is not a JSON number")
    return text


class _Malformed(Exception):
    """Something in the document that has no JSON value."""


@dataclass(slots=True)
class _Open:
    """A collection being read. A mapping's ``key`` is its last key, ``_NO_KEY`` while it waits for one."""

    value: Any
    anchor: str | None
    key: Any = None
    merges: list[Any] = field(default_factory=list)
    size: int = 1  # values in it, what aliases stand for included
    height: int = 0  # levels below it


_NO_KEY: Any = object()


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for, and how much that is."""

    value: Any
    size: int
    height: int


class _Builder:
    """Makes the value of one document out of events. What aliases add is counted while they are read, and copied when
    the document has ended: one that would become too large costs no more than its own length."""

    def __init__(self, depth: int) -> None:
        self._max_depth = depth
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0
        self.root: Any = None
        self.duplicates: list[str] = []

    def open(self, value: Any, anchor: str | None) -> None:
        if len(self._stack) >= self._max_depth:
            raise _Malformed(f"exceeded max depth of {self._max_depth}")
        if isinstance(value, dict) and self._stack and self._awaits_key():
            raise _Malformed("a mapping cannot be a key")
        self._stack.append(_Open(value, anchor, _NO_KEY))

    def close(self) -> None:
        done = self._stack.pop()
        for merged in done.merges:
            for key, value in merged.items():
                done.value.setdefault(key, value)
        self.add(done.value, done.anchor, 0, size=done.size, height=done.height)

    def alias(self, name: str, line: int) -> None:
        known = self._anchors.get(name)
        if known is None:
            raise _Malformed(f"line {line}: unknown anchor '{name}' referenced")
        self._aliased += known.size
        if self._aliased > MAX_ALIASED:
            raise _Malformed("document contains excessive aliasing")
        if len(self._stack) + known.height > self._max_depth:
            raise _Malformed(f"exceeded max depth of {self._max_depth}")
        self.add(known.value, None, line, size=known.size, height=known.height)

    def whole(self) -> Any:
        """The document, in which nothing is in two places: nobody shall change two by changing one."""
        return _copy(self.root) if self._aliased else self.root

    def _awaits_key(self) -> bool:
        return isinstance(self._stack[-1].value, dict) and self._stack[-1].key is _NO_KEY

    def add(
        self, value: Any, anchor: str | None, line: int, plain: bool = False, size: int = 1, height: int = 0
    ) -> None:
        """Put a finished value where it belongs."""
        if anchor:
            self._anchors[anchor] = _Anchored(value, size, height)
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        top.size += size
        if height >= top.height:
            top.height = height + 1
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is _NO_KEY:
            self._set_key(top, value, line, plain)
        elif top.key is _MERGE:
            top.merges += self._merged(value)
            top.key = _NO_KEY
        else:
            top.value[top.key] = value
            top.key = _NO_KEY

    def _set_key(self, top: _Open, value: Any, line: int, plain: bool) -> None:
        if plain and value == "<<":
            top.key = _MERGE
            return
        key = _key_text(value)
        if key in top.value:
            self.duplicates.append(f'line {line}: key "{key}" already set in map')
        top.key = key

    @staticmethod
    def _merged(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in values):
            raise _Malformed("map merge requires map or sequence of maps as the value")
        return values


_MERGE: Any = object()


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _key_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    raise _Malformed("a map's key must be a scalar")


def _check_characters(text: str) -> None:
    """Half a character, as JSON escapes those above U+FFFF, is refused: by libyaml itself, and here without libyaml."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Malformed("found invalid Unicode character escape code")


def _of_scalar(event: Any) -> Any:
    tag = event.tag
    if event.style == '"':
        _check_characters(event.value)
    if tag in (None, "!") or event.implicit[0]:
        return scalar(event.value) if event.implicit[0] else event.value
    if tag == "tag:yaml.org,2002:str":
        return event.value
    if tag == "tag:yaml.org,2002:binary":
        raise _Malformed("!!binary is not supported")
    value = scalar(event.value)
    wanted = {
        "tag:yaml.org,2002:int": int,
        "tag:yaml.org,2002:float": int | float,
        "tag:yaml.org,2002:bool": bool,
        "tag:yaml.org,2002:null": type(None),
    }.get(tag)
    if wanted is None:
        raise _Malformed(f"unknown tag {tag}")
    if not isinstance(value, wanted):
        raise _Malformed(f"cannot decode {event.value!r} as a {tag.rpartition(':')[2]}")
    return value


def documents(data: bytes, depth: int) -> Iterator[tuple[Any, list[str]]]:
    """Each document's value and the keys said twice in it. Raises ApiError (BadRequest)."""
    try:
        text = data.decode()
        yield from _documents(text, depth)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as problem:
        raise bad_request(f"yaml: {_one_line(problem)}") from None
    except _Malformed as problem:
        raise bad_request(f"error converting YAML to JSON: yaml: {problem}") from None


def _one_line(problem: Exception) -> str:
    mark = getattr(problem, "problem_mark", None)
    what = getattr(problem, "problem", None) or str(problem)
    what = " ".join(str(what).split())
    return f"line {mark.line + 1}: {what}" if mark is not None else what


def _documents(text: str, depth: int) -> Iterator[tuple[Any, list[str]]]:
    parser = _Parser(text)
    builder = _Builder(depth)
    count = 0
    try:
        while (event := parser.get_event()) is not None:
            if type(event) is yaml.DocumentEndEvent:
                yield builder.whole(), builder.duplicates
                builder = _Builder(depth)
                count += 1
                if count > MAX_DOCUMENTS:
                    raise _Malformed(f"more than {MAX_DOCUMENTS} documents")
            else:
                _feed(builder, event)
    finally:
        parser.dispose()


def _feed(builder: _Builder, event: Any) -> None:
    kind = type(event)
    if kind is yaml.ScalarEvent:
        line = event.start_mark.line + 1
        builder.add(_of_scalar(event), event.anchor, line, plain=event.implicit[0])
    elif kind is yaml.MappingStartEvent:
        builder.open({}, event.anchor)
    elif kind is yaml.SequenceStartEvent:
        builder.open([], event.anchor)
    elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
        builder.close()
    elif kind is yaml.AliasEvent:
        builder.alias(event.anchor, event.start_mark.line + 1)


def decode(data: bytes, depth: int) -> tuple[Any, list[str]]:
    """The first document, as the API reads a body. Raises ApiError (BadRequest)."""
    for found in documents(data, depth):
        return found
    return None, []
