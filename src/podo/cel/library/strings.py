"""Texts: CEL's strings extension (``charAt``, ``split``, ``replace``, ``join``, ``substring``, ``trim`` ...)."""

from __future__ import annotations

from typing import Any

from podo.cel.frame import Frame
from podo.cel.library.formatting import formatted
from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import CelError

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code + 32: code for code in _LOWER}
_SPACES = " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACES += "\u2028\u2029\u202f\u205f\u3000"
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_QUOTE = str.maketrans({**_ESCAPES, "\\": "\\\\", '"': '\\"'})


def _within(index: int, size: int) -> int:
    if not 0 <= index <= size:
        raise CelError(f"index out of range: {index}")
    return index


def _char_at(text: str, index: int) -> str:
    _within(index, len(text))
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    return text.find(part, _within(start, len(text)))


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    return text.rfind(part, 0, _within(start, len(text)) + len(part))


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        return text[_within(start, len(text)) :]
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    return text[_within(start, len(text)) : _within(end, len(text))]


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    most = limit - 1 if limit > 0 else -1
    if separator:
        return text.split(separator, most)
    return list(text) if most < 0 or most >= len(text) else [*text[:most], text[most:]]


def _replace(frame: Frame, text: str, old: str, new: str, limit: int = -1) -> str:
    frame.spend(text.count(old) * len(new) // 10)
    return text.replace(old, new, limit)


def _join(frame: Frame, parts: list[Any], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise CelError("no such overload")
    frame.spend((sum(map(len, parts)) + len(separator) * len(parts)) // 10)
    return separator.join(parts)


FUNCTIONS: tuple[Function, ...] = (
    method("charAt", "string; int", "string", _char_at),
    method("indexOf", "string; string", "int", _index_of, cost=tenth),
    method("indexOf", "string; string; int", "int", _index_of, cost=tenth),
    method("lastIndexOf", "string; string", "int", _last_index_of, cost=tenth),
    method("lastIndexOf", "string; string; int", "int", _last_index_of, cost=tenth),
    method("lowerAscii", "string", "string", lambda text: text.translate(_LOWER), cost=tenth),
    method("upperAscii", "string", "string", lambda text: text.translate(_UPPER), cost=tenth),
    method("replace", "string; string; string", "string", _replace, cost=tenth, framed=True),
    method("replace", "string; string; string; int", "string", _replace, cost=tenth, framed=True),
    method("split", "string; string", "list<string>", _split, cost=tenth),
    method("split", "string; string; int", "list<string>", _split, cost=tenth),
    method("substring", "string; int", "string", _substring, cost=tenth),
    method("substring", "string; int; int", "string", _substring, cost=tenth),
    method("trim", "string", "string", lambda text: text.strip(_SPACES), cost=tenth),
    method("join", "list<string>", "string", _join, framed=True),
    method("join", "list<string>; string", "string", _join, framed=True),
    method("format", "string; list<dyn>", "string", formatted, cost=tenth, framed=True),
    function("strings.quote", "string", "string", lambda text: f'"{text.translate(_QUOTE)}"', cost=tenth),
)
