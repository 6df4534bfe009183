"""What is wrong with a policy's expressions for the types that its rules name: fields that are not there, wrong types.

Such a policy is in force all the same; its status warns. Source: "Type checking" of the documentation page of
ValidatingAdmissionPolicy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.api.kinds.admissionregistration import expressions
from podo.api.kinds.admissionregistration.expressions import Names
from podo.cel.declared import DYN, Declared
from podo.cel.environment import Environment
from podo.cel.program import CompileError, compile

#: Rules that name more types are checked for so many of them.
MAX_TYPES = 10


class Target(NamedTuple):
    """A kind that the rules name: its name in warnings, and its declaration."""

    name: str
    declared: Declared


#: ``(group, version, plural)`` to the kind served so, where its schema is known.
FindResource = Callable[[str, str, str], Target | None]
#: ``(apiVersion, kind)`` likewise.
FindKind = Callable[[str, str], Target | None]


def warnings(policy: Obj, resource: FindResource, kind: FindKind) -> list[dict[str, str]]:
    """The ``expressionWarnings`` of a policy."""
    spec = policy["spec"]
    targets = _targets(spec, resource)
    if not targets:
        return []
    param = spec.get("paramKind")
    params = kind(param["apiVersion"], param["kind"]) if param else None
    environments = [(target.name, _environment(spec, target, params)) for target in targets]
    found = []
    for path, expression in _expressions(spec):
        told = [text for name, within in environments if (text := _warning(name, expression, within))]
        if told:
            found.append({"fieldRef": path, "warning": "\n".join(told)})
    return found


def _targets(spec: dict[str, Any], resource: FindResource) -> list[Target]:
    """The types that the rules name without wildcards, in a fixed order."""
    named = set()
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for group in rule.get("apiGroups") or ():
            for version in rule.get("apiVersions") or ():
                for plural in rule.get("resources") or ():
                    if "*" not in (group, version) and not set(plural) & {"*", "/"}:
                        named.add((group, version, plural))
    found = (resource(*one) for one in sorted(named))
    return [one for one in found if one is not None][:MAX_TYPES]


def _environment(spec: dict[str, Any], target: Target, params: Target | None) -> Environment:
    has_params = spec.get("paramKind") is not None
    typed = {"target": target.declared, "params": params.declared if params else DYN}
    names: Names = ()
    for variable in spec.get("variables") or ():
        within = expressions.environment(has_params=has_params, variables=names, composed=True, **typed)
        try:
            form = expressions.form_of(compile(variable["expression"], within))
        except CompileError:
            form = "dyn"
        names = (*names, (variable["name"], form))
    return expressions.environment(has_params=has_params, variables=names, **typed)


def _expressions(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for index, variable in enumerate(spec.get("variables") or ()):
        yield f"spec.variables[{index}].expression", variable["expression"]
    for index, validation in enumerate(spec.get("validations") or ()):
        yield f"spec.validations[{index}].expression", validation["expression"]
        if validation.get("messageExpression"):
            yield f"spec.validations[{index}].messageExpression", validation["messageExpression"]


def _warning(name: str, expression: str, within: Environment) -> str:
    try:
        compile(expression, within)
    except CompileError as problem:
        return f"{name}: {problem}"
    return ""
