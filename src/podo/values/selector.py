"""Label selectors, from text as ``kubectl -l`` takes it, from a metav1.LabelSelector or from a plain map, compiled to
one ``Selector``. Source: the API documentation "Labels and Selectors". Field selectors: ``fieldselector``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from podo.values import names

#: More text or requirements than this are refused: a request line does not hold more.
MAX_TEXT = 64 * 1024
MAX_REQUIREMENTS = 1000
_CACHED_TEXT = 512

Labels = Mapping[str, str]
_NO_LABELS: Labels = {}


class SelectorError(ValueError):
    """The selector cannot be understood; the message is for the client."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels.

    ``operator`` is one of ``=``, ``==``, ``!=``, ``in``, ``notin``, ``exists``, ``!``, ``gt``, ``lt``.
    """

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        return _MATCH[self.operator](self.key, self.values, labels)

    def __str__(self) -> str:
        if self.operator in ("exists", "!"):
            return self.key if self.operator == "exists" else f"!{self.key}"
        listed = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({listed})"
        return f"{self.key}{_SIGN.get(self.operator, self.operator)}{listed}"


_SIGN = {"gt": ">", "lt": "<"}


def _compared(key: str, values: frozenset[str], labels: Labels, greater: bool) -> bool:
    (bound,) = values
    try:
        have = _int64(labels.get(key, ""))
    except ValueError:
        return False
    return have > int(bound) if greater else have < int(bound)


def _int64(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


_MATCH: dict[str, Callable[[str, frozenset[str], Labels], bool]] = {
    "=": lambda key, values, labels: labels.get(key) in values,
    "==": lambda key, values, labels: labels.get(key) in values,
    "in": lambda key, values, labels: labels.get(key) in values,
    "!=": lambda key, values, labels: labels.get(key) not in values,
    "notin": lambda key, values, labels: labels.get(key) not in values,
    "exists": lambda key, values, labels: key in labels,
    "!": lambda key, values, labels: key not in labels,
    "gt": lambda key, values, labels: _compared(key, values, labels, True),
    "lt": lambda key, values, labels: _compared(key, values, labels, False),
}


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold. Without any it matches everything, except ``NOTHING``."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False
    _equal: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    _others: tuple[Requirement, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        simple = [r for r in self.requirements if r.operator in ("=", "==", "in") and len(r.values) == 1]
        object.__setattr__(self, "_equal", tuple((r.key, next(iter(r.values))) for r in simple))
        object.__setattr__(self, "_others", tuple(r for r in self.requirements if r not in simple))

    @property
    def everything(self) -> bool:
        """Does it match any labels at all?"""
        return not self.requirements and not self.nothing

    def matches(self, labels: Labels | None) -> bool:
        """Do the labels (None: none) fulfil every requirement?"""
        if self.nothing:
            return False
        labels = labels or _NO_LABELS
        get = labels.get
        for key, value in self._equal:
            if get(key) != value:
                return False
        return all(requirement.matches(labels) for requirement in self._others)

    def __str__(self) -> str:
        """The canonical text, sorted by key; ``parse`` reads it back."""
        return ",".join(str(r) for r in sorted(self.requirements, key=lambda r: r.key))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def from_map(labels: Labels | None) -> Selector:
    """A plain map, as ``spec.selector`` of a Service: every pair must be there. Nothing given matches everything."""
    if not labels:
        return EVERYTHING
    return _from_pairs(tuple(labels.items()))


@lru_cache(maxsize=4096)
def _from_pairs(pairs: tuple[tuple[str, str], ...]) -> Selector:
    return Selector(tuple(Requirement(key, "=", frozenset((value,))) for key, value in pairs))


_EXPRESSION = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A metav1.LabelSelector. None matches nothing, an empty one everything. Raises SelectorError."""
    if selector is None:
        return NOTHING
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    if not expressions:
        return from_map(wanted)
    found = [Requirement(key, "=", frozenset((value,))) for key, value in wanted.items()]
    for expression in expressions:
        operator = expression.get("operator", "")
        if operator not in _EXPRESSION:
            raise SelectorError(f'"{operator}" is not a valid label selector operator')
        found.append(_requirement(expression.get("key", ""), _EXPRESSION[operator], expression.get("values") or ()))
    return Selector(tuple(found))


def _requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    """A checked requirement."""
    for message in names.qualified_name(key):
        raise SelectorError(f'key: Invalid value: "{key}": {message}')
    if operator in ("in", "notin") and not values:
        raise SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("exists", "!") and values:
        raise SelectorError("values: Invalid value: values set must be empty for exists and does not exist")
    for index, value in enumerate(values):
        if operator in ("gt", "lt"):
            _check_number(index, value)
        for message in names.label_value(value):
            raise SelectorError(f'values[{index}][{key}]: Invalid value: "{value}": {message}')
    return Requirement(key, operator, frozenset(values))


def _check_number(index: int, value: str) -> None:
    try:
        _int64(value)
    except ValueError:
        why = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise SelectorError(f'values[{index}]: Invalid value: "{value}": {why}') from None


def parse(text: str) -> Selector:
    """The selector of a text such as ``app=web,tier in (a,b),!old``; "" matches everything. Raises SelectorError."""
    if len(text) <= _CACHED_TEXT:
        return _parse_cached(text)
    if len(text) > MAX_TEXT:
        raise SelectorError(f"a selector may have at most {MAX_TEXT} characters")
    return Selector(tuple(_Parser(text).parse()))


@lru_cache(maxsize=4096)
def _parse_cached(text: str) -> Selector:
    return Selector(tuple(_Parser(text).parse()))


_token = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SIGNS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
_OPERATORS = {"=": "=", "==": "==", "!=": "!=", "in": "in", "notin": "notin", ">": "gt", "<": "lt"}


class _Parser:
    """Reads requirements, separated by commas, from left to right. The end of the text is the token ""."""

    def __init__(self, text: str) -> None:
        self._tokens = _token.findall(text)
        self._at = 0

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        if not self._tokens:
            return found
        while True:
            if len(found) >= MAX_REQUIREMENTS:
                raise SelectorError(f"a selector may have at most {MAX_REQUIREMENTS} requirements")
            try:
                found.append(self._one())
            except SelectorError as problem:
                raise SelectorError(f"unable to parse requirement: {problem}") from None
            token = self._next()
            if not token:
                return found
            if token != ",":
                raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
            if self._peek() in ("", ","):
                raise SelectorError(f"found '{self._peek()}', expected: identifier after ','")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _one(self) -> Requirement:
        token = self._next()
        if token == "!":
            return _requirement(self._identifier(self._next()), "!", ())
        key = self._identifier(token)
        if self._peek() in ("", ","):
            return _requirement(key, "exists", ())
        sign = self._next()
        if sign not in _OPERATORS:
            expected = "in, notin, =, ==, !=, gt, lt"
            raise SelectorError(f"found '{sign}', expected: {expected}")
        operator = _OPERATORS[sign]
        if operator in ("in", "notin"):
            return _requirement(key, operator, self._set())
        return _requirement(key, operator, (self._exact_value(),))

    def _identifier(self, token: str) -> str:
        if not token or token in _SIGNS:
            raise SelectorError(f"found '{token}', expected: identifier")
        return token

    def _exact_value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        return self._identifier(self._next())

    def _set(self) -> list[str]:
        if (token := self._next()) != "(":
            raise SelectorError(f"found '{token}' expected: '('")
        values: list[str] = []
        while True:
            if self._peek() in (",", ")"):
                values.append("")
            else:
                values.append(self._identifier(self._next()))
            token = self._next()
            if token == ")":
                return values
            if token != ",":
                raise SelectorError(f"found '{token}', expected: ',' or ')'")


def told(selector: Mapping[str, Any] | None) -> str:
    """A metav1.LabelSelector as upstream's messages show it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    requirements = "".join(
        f"LabelSelectorRequirement{{Key:{one.get('key', '')},Operator:{one.get('operator', '')},"
        f"Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    fields = f"MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},"
    return f"&LabelSelector{{{fields}}}"
