"""Validation by several schemas at once: allOf, anyOf, oneOf and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from podo.api.kind import Problem
from podo.api.rules import Found
from podo.api.structural.walking import Path, Schema, path_text

Check = Callable[[Any, Any, Path, Found], None]
Compile = Callable[[Schema], Check]


def checks(schema: Schema, compile: Compile) -> list[Check]:
    found: list[Check] = []
    if some := schema.get("anyOf"):
        found.append(_any_of([compile(one) for one in some]))
    if one_only := schema.get("oneOf"):
        found.append(_one_of([compile(one) for one in one_only]))
    if every := schema.get("allOf"):
        found.append(_all_of([compile(one) for one in every]))
    if (unwanted := schema.get("not")) is not None:
        found.append(_not(compile(unwanted)))
    return found


def _problem(path: Path, what: str) -> Problem:
    """These are told of the object as a whole, with the place within the text."""
    return Problem("<nil>", "FieldValueInvalid", f'Invalid value: "": {json.dumps(path_text(path))} {what}')


def _tried(options: list[Check], value: Any, old: Any, path: Path) -> list[Found]:
    tried: list[Found] = []
    for option in options:
        problems: Found = []
        option(value, old, path, problems)
        tried.append(problems)
    return tried


def _nearest(tried: list[Found]) -> Found:
    """What is wrong by the option that is nearest to hold."""
    return min(tried, key=len)


def _any_of(options: list[Check]) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        tried = _tried(options, value, old, path)
        if all(tried):
            found.append(_problem(path, "must validate at least one schema (anyOf)"))
            found.extend(_nearest(tried))

    return check


def _one_of(options: list[Check]) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        tried = _tried(options, value, old, path)
        valid = sum(not problems for problems in tried)
        if valid == 1:
            return
        said = f"Found {valid} valid alternatives" if valid else "Found none valid"
        found.append(_problem(path, f"must validate one and only one schema (oneOf). {said}"))
        if not valid:
            found.extend(_nearest(tried))

    return check


def _all_of(parts: list[Check]) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        tried = _tried(parts, value, old, path)
        valid = sum(not problems for problems in tried)
        if valid == len(tried):
            return
        said = "" if valid else ". None validated"
        found.append(_problem(path, f"must validate all the schemas (allOf){said}"))
        for problems in tried:
            found.extend(problems)

    return check


def _not(unwanted: Check) -> Check:
    def check(value: Any, old: Any, path: Path, found: Found) -> None:
        problems: Found = []
        unwanted(value, old, path, problems)
        if not problems:
            found.append(_problem(path, "must not validate the schema (not)"))

    return check
