"""What is checked of the rules in a schema (x-kubernetes-validations) when it is defined: that they can be compiled,
give a truth, and ask for former values only where there is a way to tell which these are.

Source: "Validation rules" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.rules import Found, forbidden, invalid, not_supported, required
from podo.api.structural.rules import Scopes
from podo.api.structural.walking import LIST_TYPE, VALIDATIONS, additional, items, properties

REASONS = ("FieldValueRequired", "FieldValueInvalid", "FieldValueForbidden", "FieldValueDuplicate")
_MESSAGE_MAX = 2048
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)+)'\]")


def check(schema: Obj, path: str, found: Found) -> None:
    """Of all rules in a schema."""
    _check_node(schema, path, "", True, found)


def _check_node(schema: Any, path: str, apart: str, is_root: bool, found: Found) -> None:
    """``apart``: the path of the list around this whose items cannot be told from each other, "" if there is none."""
    scopes = Scopes(schema, is_root)
    for index, rule in enumerate(schema.get(VALIDATIONS) or ()):
        _check_rule(rule, schema, f"{path}.{VALIDATIONS}[{index}]", found)
        if (rule.get("rule") or "").strip():
            _check_expressions(rule, scopes, f"{path}.{VALIDATIONS}[{index}]", apart, found)
    for name, inner in properties(schema).items():
        at = f"{path}.properties[{name}]"
        if is_root and name == "metadata":
            if inner.get(VALIDATIONS):
                found.append(forbidden(f"{at}.{VALIDATIONS}", "must not be set on metadata"))
            continue
        _check_node(inner, at, apart, False, found)
    if (values := additional(schema)) is not None:
        _check_node(values, f"{path}.additionalProperties", apart, False, found)
    if (inner_items := items(schema)) is not None:
        at = apart if schema.get(LIST_TYPE) == "map" else apart or path
        _check_node(inner_items, f"{path}.items", at, False, found)


def _check_rule(rule: Obj, schema: Any, path: str, found: Found) -> None:
    text, message = (rule.get("rule") or "").strip(), rule.get("message")
    if not text:
        found.append(required(f"{path}.rule", "rule is not specified"))
    if message is not None and not message.strip():
        found.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif message and "\n" in message.strip():
        found.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    elif message and len(message) > _MESSAGE_MAX:
        found.append(invalid(f"{path}.message", message, "message must have a maximum length of 2048 characters"))
    elif "\n" in text and not message:
        found.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    if rule.get("reason") and rule["reason"] not in REASONS:
        found.append(not_supported(f"{path}.reason", rule["reason"], REASONS))
    if rule.get("fieldPath"):
        _check_field_path(rule["fieldPath"], schema, f"{path}.fieldPath", found)


def _check_field_path(text: str, schema: Any, path: str, found: Found) -> None:
    at, end = schema, 0
    while at is not None and end < len(text):
        step = _STEP.match(text, end)
        if step is None:
            break
        name = step[1] or step[2]
        values = additional(at)
        at, end = (properties(at).get(name) if values is None else values), step.end()
    if at is None:
        found.append(invalid(path, text, "fieldPath must refer to an existing field"))
    elif end < len(text):
        found.append(invalid(path, text, "fieldPath must be a valid path"))


def _check_expressions(rule: Obj, scopes: Scopes, path: str, apart: str, found: Found) -> None:
    from podo.cel.program import CompileError

    scope = scopes.of(rule)
    try:
        program = scope.compile(rule["rule"])
    except CompileError as problem:
        found.append(invalid(f"{path}.rule", rule["rule"], f"compilation failed: {problem}"))
        return
    if program.result != "bool":
        found.append(invalid(f"{path}.rule", rule["rule"], "cel expression must evaluate to a bool"))
    if "oldSelf" in program.variables:
        if apart:
            why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {apart}"
            found.append(invalid(f"{path}.rule", rule["rule"], why))
    elif rule.get("optionalOldSelf") is not None:
        why = "may not be set if oldSelf is not used in rule"
        found.append(invalid(f"{path}.optionalOldSelf", rule["optionalOldSelf"], why))
    if message := rule.get("messageExpression"):
        try:
            if scope.compile(message).result != "string":
                found.append(invalid(f"{path}.messageExpression", message, "must evaluate to a string"))
        except CompileError as problem:
            found.append(invalid(f"{path}.messageExpression", message, f"compilation failed: {problem}"))
