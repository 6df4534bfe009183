"""Semantic versions: ``semver("1.2.3").isLessThan(semver("1.10.0"))``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import CelError, Opaque

_TYPE = "kubernetes.Semver"
_MAX_TEXT = 256
_NUMBER = "(0|[1-9][0-9]{0,18})"
_version = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?", re.ASCII
).fullmatch
_loose = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?([-+].*)?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Semver(Opaque):
    numbers: tuple[int, int, int]
    before: tuple[str, ...]  # of a pre-release
    build: tuple[str, ...]

    cel_type = _TYPE


def parse(text: str, normalize: bool = False) -> Semver:
    """Raises CelError. ``normalize``: a leading v, missing parts and leading zeros are put right."""
    found = _version(_normalized(text) if normalize else text) if len(text) <= _MAX_TEXT else None
    before, build = (_identifiers(found, 4), _identifiers(found, 5)) if found else (None, None)
    if found is None or before is None or build is None:
        raise CelError(f'Semver parse error during conversion from string: invalid version "{text[:_MAX_TEXT]}"')
    if any(part.isdigit() and part != "0" and part.startswith("0") for part in before):
        raise CelError("Semver parse error during conversion from string: pre-release must not have leading zeroes")
    return Semver((int(found[1]), int(found[2]), int(found[3])), before, build)


def _identifiers(found: re.Match[str], group: int) -> tuple[str, ...] | None:
    """None if one of them is empty."""
    parts = tuple(found[group].split(".")) if found[group] else ()
    return parts if all(parts) else None


def _normalized(text: str) -> str:
    found = _loose(text)
    if found is None:
        return text
    return ".".join(str(int(part or "0")) for part in found.groups()[:3]) + (found[4] or "")


def _compare(one: Semver, two: Semver) -> int:
    if one.numbers != two.numbers:
        return 1 if one.numbers > two.numbers else -1
    left, right = _rank(one), _rank(two)
    return (left > right) - (left < right)


def _rank(found: Semver) -> tuple[Any, ...]:
    """A release comes behind its pre-releases; numbers before words."""
    if not found.before:
        return (1,)
    return (0, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in found.before))


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        parse(text, normalize)
    except CelError:
        return False
    return True


FUNCTIONS: tuple[Function, ...] = (
    function("semver", "string", _TYPE, parse, cost=tenth),
    function("semver", "string; bool", _TYPE, parse, cost=tenth),
    function("isSemver", "string", "bool", _is_semver, cost=tenth),
    function("isSemver", "string; bool", "bool", _is_semver, cost=tenth),
    method("isGreaterThan", f"{_TYPE}; {_TYPE}", "bool", lambda one, two: _compare(one, two) > 0),
    method("isLessThan", f"{_TYPE}; {_TYPE}", "bool", lambda one, two: _compare(one, two) < 0),
    method("compareTo", f"{_TYPE}; {_TYPE}", "int", _compare),
    method("major", _TYPE, "int", lambda found: found.numbers[0]),
    method("minor", _TYPE, "int", lambda found: found.numbers[1]),
    method("patch", _TYPE, "int", lambda found: found.numbers[2]),
)
