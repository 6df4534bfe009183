"""Whether the defaults in the schema of a custom kind are what could be stored: nothing unknown in them, nothing wrong.

Source: "Defaulting" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from typing import Any

import orjson

from podo.api.kind import Obj
from podo.api.kinds.apiextensions.subschemas import each_schema
from podo.api.rules import Found, forbidden, invalid
from podo.api.structural import embedded, listtypes
from podo.api.structural.correlating import ABSENT
from podo.api.structural.defaulting import defaulter
from podo.api.structural.pruning import pruner
from podo.api.structural.rules import Rules
from podo.api.structural.validating import validator
from podo.api.structural.walking import RESOURCE_FIELDS


def check_resource_fields(schema: Obj, path: str, found: Found) -> None:
    """What every resource has is the server's to fill in."""
    fields = schema.get("properties") or {}
    for name in RESOURCE_FIELDS:
        for one, where in each_schema(fields.get(name), f"{path}.properties[{name}]"):
            if one.get("default") is not None:
                found.append(forbidden(f"{where}.default", f"must not be set in top-level {name}"))


def check(schema: Obj, path: str, found: Found) -> None:
    """Defaults are what would be stored: nothing unknown in them, and nothing wrong."""
    for one, where in each_schema(schema, path):
        default = one.get("default")
        if default is None:
            continue
        if where == path:
            found.append(forbidden(f"{where}.default", "must not be set"))
            continue
        _check_default(one, default, where, found)


def _check_default(one: Obj, default: Any, where: str, found: Found) -> None:
    value = orjson.loads(orjson.dumps(default))
    unknown: list[str] = []
    prune, fill = pruner(one), defaulter(one)
    if prune is not None:
        prune(value, None, unknown)
    if unknown:
        found.append(invalid(f"{where}.default", default, "must not have unknown fields"))
        return
    if fill is not None:
        fill(value)
    wrong: Found = []
    validator(one)(value, ABSENT, None, wrong)
    for check in (listtypes.checker(one), embedded.checker(one)):
        if check is not None:
            check(value, None, wrong)
    _tell_of_default(wrong, where, found)


def check_by_rules(schema: Obj, path: str, found: Found) -> None:
    """Likewise by the rules within, once these are known to be sound."""
    for one, where in each_schema(schema, path):
        default = one.get("default")
        if default is not None and (rules := Rules(one, is_root=False)).some:
            value = orjson.loads(orjson.dumps(default))
            if (fill := defaulter(one)) is not None:
                fill(value)
            _tell_of_default(rules.problems(value, None), where, found)


def _tell_of_default(wrong: Found, where: str, found: Found) -> None:
    for problem in wrong:
        at = "" if problem.path == "<nil>" else problem.path
        at = at if at[:1] in ("", "[", ".") else f".{at}"
        found.append(type(problem)(f"{where}.default{at}", problem.reason, problem.message))
