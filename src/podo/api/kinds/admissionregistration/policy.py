"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy (admissionregistration.k8s.io/v1): rules in CEL about
writes."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.matchresources import check_match_resources, fill_in_match_resources
from podo.api.kinds.admissionregistration.rule_rules import (
    FAILURE_POLICIES,
    GROUP,
    check_choice,
    check_match_conditions,
)
from podo.api.rules import Found, check_text, duplicate, invalid, not_supported, required, too_long
from podo.values import names

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_REINVOCATION = ("IfNeeded", "Never")
_MESSAGE_EXPRESSION_MAX, _ANNOTATIONS_MAX = 5 * 1024, 20


def _fill_in(policy: Obj) -> None:
    spec = policy["spec"] = policy.get("spec") or {}
    spec["failurePolicy"] = spec.get("failurePolicy") or "Fail"
    if spec.get("matchConstraints") is not None:
        fill_in_match_resources(spec["matchConstraints"])


def _check_policy(spec: dict[str, Any], found: Found) -> None:
    """What both kinds of policy have."""
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
    check_match_conditions(spec.get("matchConditions") or [], "spec.matchConditions", found)
    seen: set[str] = set()
    for index, variable in enumerate(spec.get("variables") or ()):
        path, name = f"spec.variables[{index}]", variable.get("name") or ""
        if not name:
            found.append(required(f"{path}.name", "name is required"))
        else:
            check_text(f"{path}.name", name, names.c_identifier, found)
        if name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
        _check_expression(variable, f"{path}.expression", found)


def _check_param_kind(kind: dict[str, Any], path: str, found: Found) -> None:
    version = kind.get("apiVersion") or ""
    if not version:
        found.append(required(f"{path}.apiVersion"))
    elif version.count("/") > 1:
        found.append(invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}"))
    if not kind.get("kind"):
        found.append(required(f"{path}.kind"))


def _check_expression(holder: dict[str, Any], path: str, found: Found) -> None:
    if not (holder.get("expression") or "").strip():
        found.append(required(path, "expression is not specified"))


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_policy(spec, found)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        why = "validations or auditAnnotations must contain at least one item"
        found.extend((required("spec.validations", why), required("spec.auditAnnotations", why)))
    for index, validation in enumerate(validations):
        _check_validation(validation, f"spec.validations[{index}]", found)
    if len(annotations) > _ANNOTATIONS_MAX:
        why = f"must not have more than {_ANNOTATIONS_MAX} auditAnnotations"
        found.append(invalid("spec.auditAnnotations", len(annotations), why))
        return found
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", annotation.get("key") or ""
        check_text(f"{path}.key", f"{new['metadata'].get('name')}/{key}", names.qualified_name, found)
        if key in seen:
            found.append(duplicate(f"{path}.key", key))
        seen.add(key)
        if not (annotation.get("valueExpression") or "").strip():
            found.append(required(f"{path}.valueExpression", "valueExpression is not specified"))
    return found


def _check_validation(validation: dict[str, Any], path: str, found: Found) -> None:
    _check_expression(validation, f"{path}.expression", found)
    expression = validation.get("messageExpression") or ""
    if len(expression) > _MESSAGE_EXPRESSION_MAX:
        found.append(too_long(f"{path}.messageExpression", _MESSAGE_EXPRESSION_MAX))
    if "\n" in (validation.get("message") or ""):
        found.append(invalid(f"{path}.message", validation["message"], "message must not contain line breaks"))
    if "\n" in (validation.get("expression") or "").strip() and not (validation.get("message") or expression):
        found.append(required(f"{path}.message", "message must be specified if expression contains line breaks"))
    check_choice(f"{path}.reason", validation.get("reason"), _REASONS, found)


def _fill_in_mutating(policy: Obj) -> None:
    _fill_in(policy)
    policy["spec"]["reinvocationPolicy"] = policy["spec"].get("reinvocationPolicy") or "Never"


def _mutating_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_policy(spec, found)
    check_choice("spec.reinvocationPolicy", spec.get("reinvocationPolicy"), _REINVOCATION, found)
    mutations = spec.get("mutations") or []
    if not mutations:
        found.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        _check_mutation(mutation, f"spec.mutations[{index}]", found)
    return found


def _check_mutation(mutation: dict[str, Any], path: str, found: Found) -> None:
    kind = mutation.get("patchType") or ""
    if not kind:
        found.append(required(f"{path}.patchType"))
        return
    if kind not in _PATCHES:
        found.append(not_supported(f"{path}.patchType", kind, _PATCHES))
        return
    for other, field in _PATCHES.items():
        body = mutation.get(field)
        if other == kind:
            if body is None:
                found.append(required(f"{path}.{field}", f"must be specified when patchType is {kind}"))
            else:
                _check_expression(body, f"{path}.{field}.expression", found)
        elif body is not None:
            found.append(invalid(f"{path}.{field}", body, f"must not be specified when patchType is {kind}"))


def _param_kind(policy: Obj) -> str:
    kind = (policy.get("spec") or {}).get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def _counted(field: str) -> Any:
    return lambda policy: len((policy.get("spec") or {}).get(field) or ())


VALIDATINGADMISSIONPOLICY = Kind(
    group=GROUP,
    version="v1",
    kind="ValidatingAdmissionPolicy",
    plural="validatingadmissionpolicies",
    singular="validatingadmissionpolicy",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    columns=(
        NAME,
        column("Validations", _counted("validations"), "integer"),
        column("ParamKind", _param_kind),
        AGE,
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
MUTATINGADMISSIONPOLICY = Kind(
    group=GROUP,
    version="v1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    namespaced=False,
    fill_in=_fill_in_mutating,
    problems=_mutating_problems,
    columns=(NAME, column("Mutations", _counted("mutations"), "integer"), column("ParamKind", _param_kind), AGE),
    generation=True,
)
