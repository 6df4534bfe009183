"""Field selectors: ``metadata.name=x,spec.nodeName!=y``. Source: the API documentation "Field Selectors"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from podo.values.selector import MAX_TEXT, SelectorError


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on a field: ``equal`` is False for ``!=``."""

    field: str
    value: str
    equal: bool = True

    def matches(self, value: str) -> bool:
        return (value == self.value) is self.equal

    def __str__(self) -> str:
        escaped = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'=' if self.equal else '!='}{escaped}"


_field_term = re.compile(r"(?:[^\\,]|\\.)+|\\", re.DOTALL)
_field_parts = re.compile(r"([^\\=!]*)(==|!=|=)(.*)", re.DOTALL)


def parse(text: str) -> tuple[FieldRequirement, ...]:
    """The requirements of a field selector: ``metadata.name=x,spec.nodeName!=y``. Raises SelectorError."""
    if len(text) > MAX_TEXT:
        raise SelectorError(f"a selector may have at most {MAX_TEXT} characters")
    found = []
    for term in _field_term.findall(text):
        match = _field_parts.fullmatch(term)
        if match is None or re.search(r"(?<!\\)(\\\\)*=", match[3]):
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
        value = _unescaped(match[3])
        found.append(FieldRequirement(match[1].strip(), value, match[2] != "!="))
    return tuple(found)


def demanded(text: str, field: str) -> str:
    """The one value that a field selector asks ``field`` to have; "" where it asks for none, or cannot be read."""
    if field not in text:
        return ""
    try:
        return next((one.value for one in parse(text) if one.field == field and one.equal), "")
    except SelectorError:
        return ""


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    if re.search(r"\\(?![\\,=])", re.sub(r"\\[\\,=]", "", value)):
        raise SelectorError(f"invalid field selector: invalid escape sequence in '{value}'")
    return re.sub(r"\\(.)", r"\1", value)
