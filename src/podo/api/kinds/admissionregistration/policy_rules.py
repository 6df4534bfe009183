"""Rules of ValidatingAdmissionPolicy and MutatingAdmissionPolicy. Apart from the kinds, because they compile: CEL is
loaded with the first policy."""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.admissionregistration import expressions, mutationexpressions
from podo.api.kinds.admissionregistration.expressions import Names
from podo.api.kinds.admissionregistration.matchresources import check_match_resources, check_mutable
from podo.api.kinds.admissionregistration.rule_rules import FAILURE_POLICIES, check_match_conditions
from podo.api.parts.condition_rules import check_conditions
from podo.api.rules import Found, check_choice, check_one_of, check_text, check_unique, invalid, required
from podo.cel.environment import Environment
from podo.cel.program import CompileError, Program
from podo.values import names

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_LINE_BREAK = re.compile(r"[\n\r]")
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_REINVOCATION = ("IfNeeded", "Never")
#: Words that are CEL's own.
_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_VALUE_EXPRESSION_MAX, _ANNOTATIONS_MAX = 5 * 1024, 20


def _check_policy(spec: dict[str, Any], found: Found, *, mutating: bool = False) -> Names:
    """What both kinds of policy have. The variables that its other expressions can refer to."""
    check_choice("spec.failurePolicy", spec.get("failurePolicy"), FAILURE_POLICIES, found)
    if (kind := spec.get("paramKind")) is not None:
        _check_param_kind(kind, "spec.paramKind", found)
    constraints = spec.get("matchConstraints")
    if constraints is None:
        found.append(required("spec.matchConstraints"))
    else:
        check_match_resources(constraints, "spec.matchConstraints", found)
        if not constraints.get("resourceRules"):
            found.append(required("spec.matchConstraints.resourceRules"))
        if mutating:
            check_mutable(constraints, "spec.matchConstraints", found)
    has_params = spec.get("paramKind") is not None
    conditions = spec.get("matchConditions") or []
    check_match_conditions(conditions, "spec.matchConditions", found, has_params=has_params)
    return _check_variables(spec.get("variables") or [], has_params, found)


def _check_variables(variables: list[dict[str, Any]], has_params: bool, found: Found) -> Names:
    """A variable can refer to those before it."""
    seen: set[str] = set()
    known: Names = ()
    for index, variable in enumerate(variables):
        path, name = f"spec.variables[{index}]", variable.get("name") or ""
        if not name.strip():
            found.append(required(f"{path}.name", "name is not specified"))
        elif names.c_identifier(name) or name in _RESERVED:
            found.append(invalid(f"{path}.name", name, "must be a valid CEL identifier"))
        check_unique(f"{path}.name", name, seen, found)
        within = expressions.environment(has_params=has_params, variables=known, composed=True)
        program = _check_expression(variable, f"{path}.expression", within, (), found)
        if names.c_identifier(name) == []:
            known = (*known, (name, expressions.form_of(program) if program else "dyn"))
    return known


def _check_param_kind(kind: dict[str, Any], path: str, found: Found) -> None:
    version = kind.get("apiVersion") or ""
    if not version:
        found.append(required(f"{path}.apiVersion"))
    elif version.count("/") > 1:
        found.append(invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}"))
    else:
        _check_group_version(version, f"{path}.apiVersion", found)
    name = kind.get("kind") or ""
    if not name:
        found.append(required(f"{path}.kind"))
    elif messages := names.label_1035(name.lower()):
        why = f"may have mixed case, but should otherwise match: {','.join(messages)}"
        found.append(invalid(f"{path}.kind", name, why))


def _check_group_version(text: str, path: str, found: Found) -> None:
    group, _, version = text.rpartition("/")
    if group and (messages := names.subdomain(group)):
        found.append(invalid(path, group, ",".join(messages)))
    if not version:
        found.append(invalid(path, text, "version must be specified"))
    elif messages := names.label_1035(version):
        found.append(invalid(path, version, ",".join(messages)))


def _check_expression(
    holder: dict[str, Any],
    path: str,
    within: Environment,
    wanted: tuple[str, ...],
    found: Found,
) -> Program | None:
    """It must be given and compile, to a value of a type of ``wanted``."""
    expression = holder.get("expression") or ""
    if not expression.strip():
        found.append(required(path, "expression is not specified"))
        return None
    return _compiled(expression, path, within, wanted, found)


def _compiled(
    expression: str,
    path: str,
    within: Environment,
    wanted: tuple[str, ...],
    found: Found,
) -> Program | None:
    try:
        return expressions.checked(expression, within, wanted)
    except CompileError as problem:
        found.append(invalid(path, expression, str(problem)))
        return None


def validating_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    known = _check_policy(spec, found)
    has_params = spec.get("paramKind") is not None
    within = expressions.environment(has_params=has_params, variables=known)
    told_within = expressions.environment(has_params=has_params, variables=known, has_authorizer=False)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        why = "validations or auditAnnotations must contain at least one item"
        found.extend((required("spec.validations", why), required("spec.auditAnnotations", why)))
    for index, validation in enumerate(validations):
        _check_validation(validation, f"spec.validations[{index}]", within, told_within, found)
    _check_annotations(annotations, new["metadata"].get("name") or "", within, found)
    return found


def _check_annotations(annotations: list[dict[str, Any]], policy: str, within: Environment, found: Found) -> None:
    if len(annotations) > _ANNOTATIONS_MAX:
        why = f"must not have more than {_ANNOTATIONS_MAX} auditAnnotations"
        found.append(invalid("spec.auditAnnotations", annotations, why))
        return
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", annotation.get("key") or ""
        check_text(f"{path}.key", f"{policy}/{key}", names.qualified_name, found)
        _check_value(annotation.get("valueExpression") or "", f"{path}.valueExpression", within, found)
        check_unique(f"{path}.key", key, seen, found)


def _check_value(expression: str, path: str, within: Environment, found: Found) -> None:
    trimmed = expression.strip()
    if not trimmed:
        found.append(required(path, "valueExpression is not specified"))
    elif len(trimmed.encode()) > _VALUE_EXPRESSION_MAX:
        found.append(required(path, f"must not exceed {_VALUE_EXPRESSION_MAX} bytes in length"))
    else:
        _compiled(expression, path, within, expressions.TEXT_OR_NULL, found)


def _check_validation(
    validation: dict[str, Any], path: str, within: Environment, told_within: Environment, found: Found
) -> None:
    """``told_within``: what the expression of the message may use, which is all but the authorizer."""
    _check_expression(validation, f"{path}.expression", within, expressions.BOOL, found)
    expression = validation.get("messageExpression") or ""
    if expression.strip():
        _compiled(expression, f"{path}.messageExpression", told_within, expressions.TEXT, found)
    elif expression:
        found.append(invalid(f"{path}.messageExpression", expression, "must be non-empty if specified"))
    message = validation.get("message") or ""
    if message and not message.strip():
        found.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif _LINE_BREAK.search(message.strip()):
        found.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    check_choice(f"{path}.reason", validation.get("reason"), _REASONS, found)


def status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for index, told in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        path = f"status.typeChecking.expressionWarnings[{index}]"
        found.extend(
            required(f"{path}.{name}") for name in ("warning", "fieldRef") if not (told.get(name) or "").strip()
        )
    check_conditions(status.get("conditions") or [], "status.conditions", found)
    return found


def mutating_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    known = _check_policy(spec, found, mutating=True)
    has_params = spec.get("paramKind") is not None
    mutations = spec.get("mutations") or []
    if not mutations:
        found.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        _check_mutation(mutation, f"spec.mutations[{index}]", has_params, known, found)
    check_one_of("spec.reinvocationPolicy", spec.get("reinvocationPolicy"), _REINVOCATION, found)
    return found


def _check_mutation(mutation: dict[str, Any], path: str, has_params: bool, known: Names, found: Found) -> None:
    kind = mutation.get("patchType") or ""
    check_one_of(f"{path}.patchType", kind, _PATCHES, found)
    if kind not in _PATCHES:
        return
    field = _PATCHES[kind]
    if (body := mutation.get(field)) is None:
        found.append(required(f"{path}.{field}", f"must be specified when patchType is {kind}"))
    else:
        _check_patch(body, f"{path}.{field}.expression", field == "jsonPatch", has_params, known, found)
    for other in _PATCHES.values():
        if other != field and mutation.get(other) is not None:
            why = f"must not be specified when patchType is {kind}"
            found.append(invalid(f"{path}.{other}", f"{{{other}}}", why))


def _check_patch(
    body: dict[str, Any],
    path: str,
    patch: bool,
    has_params: bool,
    known: Names,
    found: Found,
) -> None:
    expression = (body.get("expression") or "").strip()
    if not expression:
        found.append(required(path))
        return
    try:
        mutationexpressions.compiled(expression, patch=patch, has_params=has_params, variables=known)
    except CompileError as problem:
        found.append(invalid(path, expression, str(problem)))
