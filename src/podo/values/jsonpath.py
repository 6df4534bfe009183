"""JSONPath as kubectl and printer columns have it: ``.status.conditions[?(@.type=="Ready")].status``.

A path is compiled once to a function that gives all values it leads to; what is not there is passed over.
Source: "JSONPath Support" of the Kubernetes documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

#: Longer paths are refused, and paths of more steps.
MAX_LENGTH, MAX_STEPS = 4096, 64
#: Filters of one path, which may be within each other.
MAX_FILTERS = 8
#: More values than these are not gathered (``..`` in a large object).
MAX_VALUES = 10_000

Step = Callable[[list[Any]], list[Any]]
Find = Callable[[Any], list[Any]]


class PathError(ValueError):
    """Not a path, or one with more in it than podo knows."""


_NAME = re.compile(r"(?:\\.|[^\s.\[\]{}()'\"\\,|<>=!@?*])+")
_QUOTED = re.compile(r"'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\"")
_INDEX = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?(?::(\d{1,9}))?")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_ESCAPE = re.compile(r"\\(.)")


@lru_cache(maxsize=1024)
def compiled(path: str) -> Find:
    """``.spec.replicas`` (or with ``{}`` around it) as a function. Raises PathError."""
    if len(path) > MAX_LENGTH:
        raise PathError(f"a path may have at most {MAX_LENGTH} characters")
    if path.count("?(") > MAX_FILTERS:
        raise PathError(f"a path may have at most {MAX_FILTERS} filters")
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    steps = list(_steps(text.removeprefix("$")))
    if len(steps) > MAX_STEPS:
        raise PathError(f"a path may have at most {MAX_STEPS} steps")

    def find(value: Any) -> list[Any]:
        found = [value]
        for step in steps:
            found = step(found)
            if not found:
                break
        return found

    return find


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        if text.startswith("..", at):
            yield _descend
            at += 2 if text.startswith("[", at + 2) else 1
            continue
        if text[at] == "[":
            end = _closing(text, at)
            yield _bracket(text[at + 1 : end].strip())
            at = end + 1
            continue
        if text[at] == ".":
            at += 1
        elif at:
            raise PathError(f"unexpected character in path: {text[at:]!r}")
        if text.startswith("*", at):
            yield _all_members
            at += 1
            continue
        found = _NAME.match(text, at)
        if found is None:
            if at >= len(text) and at == 1:
                return  # "." is the value itself
            raise PathError(f"a name is missing: {text!r}")
        yield _member(_ESCAPE.sub(r"\1", found[0]))
        at = found.end()


def _closing(text: str, at: int) -> int:
    """Where the bracket opened at ``at`` is closed, quotes and brackets within passed over."""
    depth, index = 0, at
    while index < len(text):
        letter = text[index]
        if letter in "'\"":
            quoted = _QUOTED.match(text, index)
            if quoted is None:
                break
            index = quoted.end()
            continue
        depth += (letter == "[") - (letter == "]")
        if depth == 0:
            return index
        index += 1
    raise PathError("unterminated array")


def _bracket(inner: str) -> Step:
    if inner == "*":
        return _all_members
    if quoted := _QUOTED.fullmatch(inner):
        return _member(_ESCAPE.sub(r"\1", quoted[1] if quoted[1] is not None else quoted[2]))
    if _INDEX.fullmatch(inner):
        return _item(int(inner))
    if parts := _SLICE.fullmatch(inner):
        start, end, step = (int(part) if part else None for part in parts.groups())
        if step == 0:
            raise PathError("the step of a slice must be greater than 0")
        return _slice(slice(start, end, step))
    if inner.startswith("?(") and inner.endswith(")"):
        return _filtered(inner[2:-1])
    if "," in inner:
        return _union([_bracket(part.strip()) for part in inner.split(",")])
    raise PathError(f"invalid array index {inner}")


def _filtered(text: str) -> Step:
    """``@.type=="Ready"``, or only ``@.type``."""
    operator = _OPERATOR.search(text)
    if operator is None:
        return _filter(text.strip(), None, None)
    return _filter(text[: operator.start()].strip(), operator[0], text[operator.end() :].strip())


def _member(name: str) -> Step:
    return lambda values: [value[name] for value in values if value.__class__ is dict and name in value]


def _item(index: int) -> Step:
    return lambda values: [
        value[index] for value in values if value.__class__ is list and -len(value) <= index < len(value)
    ]


def _slice(wanted: slice) -> Step:
    return lambda values: [item for value in values if value.__class__ is list for item in value[wanted]]


def _union(steps: list[Step]) -> Step:
    return lambda values: [item for value in values for step in steps for item in step([value])]


def _inner(value: Any) -> list[Any]:
    if value.__class__ is dict:
        return list(value.values())
    return value if value.__class__ is list else []


def _all_members(values: list[Any]) -> list[Any]:
    return [item for value in values for item in _inner(value)]


def _descend(values: list[Any]) -> list[Any]:
    """Everything below, each before what is in it."""
    found: list[Any] = []
    waiting = list(reversed(values))
    while waiting and len(found) < MAX_VALUES:
        value = waiting.pop()
        found.append(value)
        waiting.extend(reversed(_inner(value)))
    return found


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _filter(left: str, operator: str | None, right: str | None) -> Step:
    of_left = _operand(left)
    of_right = _operand(right) if right is not None else None
    compare = _COMPARISONS[operator] if operator else None

    def holds(item: Any) -> bool:
        ours = of_left(item)
        if compare is None or of_right is None:
            return bool(ours)
        theirs = of_right(item)
        if not ours or not theirs:
            return False
        try:
            return compare(ours[0], theirs[0])
        except TypeError:
            return False

    return lambda values: [item for value in values for item in _inner(value) if holds(item)]


def _operand(text: str) -> Find:
    if text.startswith("@"):
        return compiled("$" + text[1:])
    if quoted := _QUOTED.fullmatch(text):
        constant: Any = _ESCAPE.sub(r"\1", quoted[1] if quoted[1] is not None else quoted[2])
    elif text in ("true", "false"):
        constant = text == "true"
    else:
        try:
            constant = float(text)
        except ValueError:
            raise PathError(f"not a value: {text!r}") from None
    return lambda item: [constant]
