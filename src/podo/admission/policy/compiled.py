"""A policy compiled: what matches it, its variables and expressions as programs; and its bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.admission import matchconditions, matching
from podo.admission.matchconditions import Conditions
from podo.admission.matching import Criteria
from podo.api.kind import Obj
from podo.api.kinds.admissionregistration import expressions, mutationexpressions
from podo.api.kinds.admissionregistration.expressions import Names
from podo.api.kinds.admissionregistration.mutationexpressions import Mutation
from podo.cel.environment import Environment
from podo.cel.program import CompileError, Program


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a policy. ``program`` None: it does not compile, for the reason of ``problem``."""

    program: Program | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    expression: Expression
    source: str
    message: str
    message_expression: Expression | None
    reason: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A mutation. ``kind``: ``ApplyConfiguration`` or ``JSONPatch``."""

    kind: str
    source: str
    mutation: Mutation | None
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Either kind of policy: ``validations`` and ``annotations`` are of one, ``patches`` of the other."""

    name: str
    criteria: Criteria
    param_kind: tuple[str, str] | None  # apiVersion, kind
    conditions: Conditions
    variables: Mapping[str, Program]
    fails_closed: bool
    validations: tuple[Validation, ...] = ()
    annotations: tuple[tuple[str, str, Expression], ...] = ()  # key, source, value
    patches: tuple[Patch, ...] = ()
    reinvoked: bool = False
    #: The variables that its expressions refer to.
    uses: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """``criteria`` None: everything that the policy matches. ``param``: its paramRef, in wire form."""

    name: str
    policy: str
    criteria: Criteria | None
    param: Mapping[str, Any] | None
    actions: frozenset[str]


def policy_of(obj: Obj) -> Policy:
    """The compiled policy of a stored one of either kind."""
    spec = obj["spec"]
    has_params = spec.get("paramKind") is not None
    declared = spec.get("variables") or []
    names = expressions.known_variables(declared, has_params)
    within = expressions.environment(has_params=has_params, variables=names)
    variables = _variables(declared, names, has_params)
    conditions = matchconditions.compiled(spec.get("matchConditions"), has_params=has_params)
    validations = tuple(_validation(one, within) for one in spec.get("validations") or ())
    annotations = tuple(_annotation(one, within) for one in spec.get("auditAnnotations") or ())
    patches = tuple(_patch(one, has_params, names) for one in spec.get("mutations") or ())
    return Policy(
        obj["metadata"]["name"],
        matching.criteria_of_policy(spec.get("matchConstraints")),
        (spec["paramKind"]["apiVersion"], spec["paramKind"]["kind"]) if has_params else None,
        conditions,
        variables,
        spec.get("failurePolicy") != "Ignore",
        validations,
        annotations,
        patches,
        spec.get("reinvocationPolicy") == "IfNeeded",
        _uses(variables, conditions, validations, annotations, patches),
    )


def binding_of(obj: Obj) -> Binding:
    spec = obj["spec"]
    match = spec.get("matchResources")
    return Binding(
        obj["metadata"]["name"],
        spec["policyName"],
        matching.criteria_of_policy(match) if match is not None else None,
        spec.get("paramRef"),
        frozenset(spec.get("validationActions") or ()),
    )


def _expression(source: str, within: Environment, wanted: tuple[str, ...]) -> Expression:
    try:
        return Expression(expressions.checked(source, within, wanted))
    except CompileError as problem:
        return Expression(None, str(problem))


def _variables(declared: list[dict[str, Any]], names: Names, has_params: bool) -> dict[str, Program]:
    """One that does not compile is left out: what refers to it fails."""
    found = {}
    for index, variable in enumerate(declared):
        within = expressions.environment(has_params=has_params, variables=names[:index], composed=True)
        if program := _expression(variable["expression"], within, ()).program:
            found[variable["name"]] = program
    return found


def _validation(validation: Mapping[str, Any], within: Environment) -> Validation:
    told = validation.get("messageExpression") or ""
    return Validation(
        _expression(validation["expression"], within, expressions.BOOL),
        validation["expression"].strip(),
        (validation.get("message") or "").strip(),
        _expression(told, within, expressions.TEXT) if told.strip() else None,
        validation.get("reason") or "Invalid",
    )


def _annotation(annotation: Mapping[str, Any], within: Environment) -> tuple[str, str, Expression]:
    source = annotation["valueExpression"].strip()
    return annotation["key"], source, _expression(source, within, expressions.TEXT_OR_NULL)


def _patch(mutation: Mapping[str, Any], has_params: bool, names: Names) -> Patch:
    kind = mutation["patchType"]
    source = mutation["jsonPatch" if kind == "JSONPatch" else "applyConfiguration"]["expression"].strip()
    try:
        found = mutationexpressions.compiled(source, patch=kind == "JSONPatch", has_params=has_params, variables=names)
    except CompileError as problem:
        return Patch(kind, source, None, str(problem))
    return Patch(kind, source, found)


def _uses(
    variables: Mapping[str, Program],
    conditions: Conditions,
    validations: tuple[Validation, ...],
    annotations: tuple[tuple[str, str, Expression], ...],
    patches: tuple[Patch, ...],
) -> frozenset[str]:
    programs = [*variables.values(), *(one.program for one in conditions), *(one.program for _, _, one in annotations)]
    for validation in validations:
        told = validation.message_expression
        programs.extend((validation.expression.program, told.program if told else None))
    programs.extend(patch.mutation.program for patch in patches if patch.mutation)
    return frozenset().union(*(program.variables for program in programs if program))
