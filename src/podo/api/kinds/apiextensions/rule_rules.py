"""What is checked of the rules in a schema (x-kubernetes-validations) when it is defined: that they can be compiled,
give a truth, and ask for former values only where there is a way to tell which these are.

Source: "Validation rules" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podo.api.kind import Obj
from podo.api.rules import Found, forbidden, invalid, not_supported, required
from podo.api.structural.rules import Scopes
from podo.api.structural.walking import LIST_TYPE, VALIDATIONS, additional, items, properties

if TYPE_CHECKING:
    from podo.cel.program import Program
    from podo.cel.selfrules import SchemaRules

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LINE_BREAK = re.compile(r"[\n\r]")
_WHOLE = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)+)'\]")


def check(schema: Obj, path: str, found: Found) -> None:
    """Of all rules in a schema."""
    costs: list[int] = []
    _check_node(schema, _Place(path), True, costs, found)
    if costs:
        from podo.cel.estimating import SCHEMA_LIMIT, exceeds

        if sum(costs) > SCHEMA_LIMIT:
            found.append(forbidden(path, exceeds(_WHOLE, sum(costs), SCHEMA_LIMIT)))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema is. ``apart``: the path of the list around it whose items cannot be told from each other, "" if
    there is none. ``around``: the lists and maps that it is in."""

    path: str
    apart: str = ""
    around: tuple[Obj, ...] = ()


def _check_node(schema: Any, place: _Place, is_root: bool, costs: list[int], found: Found) -> None:
    """``costs``: what each rule can cost for one object, added to."""
    path, apart = place.path, place.apart
    scopes = Scopes(schema, is_root)
    for index, rule in enumerate(schema.get(VALIDATIONS) or ()):
        _check_rule(rule, schema, f"{path}.{VALIDATIONS}[{index}]", found)
        if (rule.get("rule") or "").strip():
            where = replace(place, path=f"{path}.{VALIDATIONS}[{index}]")
            _check_expressions(rule, scopes, where, costs, found)
    for name, inner in properties(schema).items():
        at = f"{path}.properties[{name}]"
        if is_root and name == "metadata":
            if inner.get(VALIDATIONS):
                found.append(forbidden(f"{at}.{VALIDATIONS}", "must not be set on metadata"))
            continue
        _check_node(inner, replace(place, path=at), False, costs, found)
    if (values := additional(schema)) is not None:
        within = _Place(f"{path}.additionalProperties", apart, (*place.around, schema))
        _check_node(values, within, False, costs, found)
    if (inner_items := items(schema)) is not None:
        at = apart if schema.get(LIST_TYPE) == "map" else apart or path
        _check_node(inner_items, _Place(f"{path}.items", at, (*place.around, schema)), False, costs, found)


def _check_rule(rule: Obj, schema: Any, path: str, found: Found) -> None:
    text, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not text:
        found.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        found.append(invalid(f"{path}.message", message, "must be non-empty if specified"))
    elif _LINE_BREAK.search(message.strip()):
        found.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    elif _LINE_BREAK.search(text) and not message:
        found.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    if (told := rule.get("messageExpression")) and not told.strip():
        found.append(required(f"{path}.messageExpression", "messageExpression must be non-empty if specified"))
    if (reason := rule.get("reason")) is not None and reason not in REASONS:
        found.append(not_supported(f"{path}.reason", reason, REASONS))
    if rule.get("fieldPath"):
        _check_field_path(rule["fieldPath"], schema, f"{path}.fieldPath", found)


def _check_field_path(text: str, schema: Any, path: str, found: Found) -> None:
    if not text.strip():
        found.append(invalid(path, text, "must be non-empty if specified"))
    if _LINE_BREAK.search(text):
        found.append(invalid(path, text, "must not contain line breaks"))
    at, end = schema, 0
    while at is not None and end < len(text) and (step := _STEP.match(text, end)):
        name, values = step[1] or step[2], additional(at)
        at, end = (properties(at).get(name) if values is None else values), step.end()
    if at is None or end < len(text):
        found.append(invalid(path, text, "must be a valid path"))


def _check_expressions(rule: Obj, scopes: Scopes, place: _Place, costs: list[int], found: Found) -> None:
    from podo.cel.program import CompileError

    path, apart, scope = place.path, place.apart, scopes.of(rule)
    try:
        program = scope.compile(rule["rule"])
    except CompileError as problem:
        found.append(invalid(f"{path}.rule", rule["rule"], f"compilation failed: {problem}"))
        return
    if program.result != "bool":
        found.append(invalid(f"{path}.rule", rule["rule"], "cel expression must evaluate to a bool"))
    costs.append(_check_cost(program, scope, place, "rule", found))
    if "oldSelf" in program.variables:
        if apart:
            why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {apart}"
            found.append(invalid(f"{path}.rule", rule["rule"], why))
    elif rule.get("optionalOldSelf") is not None:
        why = "may not be set if oldSelf is not used in rule"
        found.append(invalid(f"{path}.optionalOldSelf", rule["optionalOldSelf"], why))
    if message := (rule.get("messageExpression") or "").strip():
        try:
            told = scope.compile(message)
        except CompileError as problem:
            found.append(invalid(f"{path}.messageExpression", message, f"compilation failed: {problem}"))
            return
        if told.result != "string":
            found.append(invalid(f"{path}.messageExpression", message, "must evaluate to a string"))
        costs.append(_check_cost(told, scope, place, "messageExpression", found))


def _check_cost(program: Program, scope: SchemaRules, place: _Place, field: str, found: Found) -> int:
    """What an expression can cost for one object, at most."""
    from podo.cel.estimating import RULE_LIMIT, estimate, exceeds, times_within

    each = estimate(program, {"self": scope.declared, "oldSelf": scope.declared})
    cost = each * times_within(place.around)
    if cost > RULE_LIMIT:
        what = "estimated rule cost" if field == "rule" else "estimated messageExpression cost"
        found.append(forbidden(f"{place.path}.{field}", exceeds(what, cost, RULE_LIMIT)))
    return cost
