"""ValidatingAdmissionPolicy: the first refusal of a binding that denies is told; others warn, or leave a mark in the
audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podo.admission import matchconditions, matching
from podo.admission.matchconditions import OUT_OF_BUDGET, ConditionError
from podo.admission.metrics import COMPILATION, INVALID, AdmissionMetrics
from podo.admission.metrics import OUT_OF_BUDGET as NO_BUDGET
from podo.admission.policy.activation import Activation, Variables, activation_of
from podo.admission.policy.compiled import Binding, Expression, Policy, Validation
from podo.admission.policy.decisions import denial
from podo.admission.policy.params import Outside, ParamProblem, params_of
from podo.admission.policy.policies import Bound
from podo.admission.request import AdmissionRequest
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.values import CelError
from podo.runtime.slices import in_slices, rest

_FAILURES = "validation.policy.admission.k8s.io/validation_failure"
_MESSAGE_MAX = 5 * 1024
_ANNOTATION_MAX = 10 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """A validation that does not hold, or an error where errors deny. ``index``: of the validation. ``error``: what
    metrics call it."""

    message: str
    reason: str = "Invalid"
    index: int = 0
    error: str = INVALID


async def validate(bounds: Sequence[Bound], request: AdmissionRequest, outside: Outside) -> None:
    """Raises the first refusal."""
    collected = _Collected(request, outside.metrics)
    for policy, bindings in bounds:
        try:
            kind = await matching.match(policy.criteria, request)
        except ApiError as problem:
            collected.misconfigured(policy, None, str(problem))
            continue
        if kind is None:
            continue
        seen = _Seen(request, kind)
        for binding in bindings:
            await _by_binding(policy, binding, request, seen, outside, collected)
        collected.publish(policy)
    if collected.denials:
        raise collected.denials[0]


class _Seen:
    """What one policy sees of a request: made once, for the first binding that has something to hold against it."""

    def __init__(self, request: AdmissionRequest, kind: Kind) -> None:
        self._request, self._kind = request, kind
        self._is_converted = False
        self._activation: Activation | None = None

    async def convert(self) -> None:
        """Raises ApiError where the objects have no form of the kind."""
        if not self._is_converted:
            await matching.make_forms(self._request, self._kind)
            self._is_converted = True

    async def by(self, policy: Policy, outside: Outside) -> Activation:
        if self._activation is None:
            ask = outside.ask(self._request)
            self._activation = await activation_of(self._request, self._kind, policy.uses, ask)
        return self._activation


async def _by_binding(
    policy: Policy,
    binding: Binding,
    request: AdmissionRequest,
    seen: _Seen,
    outside: Outside,
    collected: _Collected,
) -> None:
    try:
        if binding.criteria is not None and await matching.match(binding.criteria, request) is None:
            return
        params = await params_of(policy, binding, request, outside)
    except ParamProblem as problem:
        collected.misconfigured(policy, binding if problem.of_binding else None, str(problem))
        return
    except ApiError as problem:
        collected.misconfigured(policy, binding, str(problem))
        return
    if not params:
        return
    try:
        await seen.convert()
    except ApiError as problem:
        collected.misconfigured(policy, binding, f"failed to convert object version: {problem}")
        return
    activation = await seen.by(policy, outside)
    await in_slices(lambda: _by_params(policy, binding, params, activation, collected))


def _by_params(
    policy: Policy, binding: Binding, params: list[Obj | None], activation: Activation, collected: _Collected
) -> None:
    for index, one in enumerate(params):
        if index:
            rest()
        budget = Budget()
        variables = activation.with_params(one)
        variables["variables"] = Variables(policy.variables, variables, budget)
        evaluation = _Evaluation(policy, variables, budget)
        began = collected.metrics.now()
        for failure in evaluation.failures():
            collected.failed(policy, binding, failure, began)
        for error in evaluation.ignored:
            collected.metrics.checked("validating", (policy.name, binding.name, error, "allow"), began)
        collected.annotate(evaluation.annotations())
        if evaluation.problem:
            collected.deny(policy, binding, Failure(evaluation.problem))


class _Evaluation:
    """One policy for one request and one parameter."""

    def __init__(self, policy: Policy, variables: Mapping[str, Any], budget: Budget) -> None:
        self._policy, self._variables, self._budget = policy, variables, budget
        self._matches = True
        self.problem = ""  # of an audit annotation, where errors deny
        self.ignored: list[str] = []  # errors, where they do not

    def failures(self) -> Iterator[Failure]:
        """Of the validations, in their order."""
        closed = self._policy.fails_closed
        try:
            self._matches = matchconditions.hold(self._policy.conditions, self._variables, self._budget)
        except ConditionError as problem:
            self._matches = False
            if closed:
                yield Failure(str(problem))
            else:
                self.ignored.append(INVALID)
        if not self._matches:
            return
        for index, validation in enumerate(self._policy.validations):
            try:
                if self._value(validation.expression, validation.source) is not True:
                    yield Failure(self._message(validation), validation.reason, index)
            except CelError as problem:
                error = INVALID if validation.expression.program is not None else COMPILATION
                if closed:
                    yield Failure(str(problem), index=index, error=error)
                else:
                    self.ignored.append(error)
            except BudgetExceeded:
                if closed:
                    yield Failure(OUT_OF_BUDGET, index=index, error=NO_BUDGET)
                else:
                    self.ignored.append(NO_BUDGET)
                return

    def _value(self, expression: Expression, source: str) -> Any:
        """Raises CelError with the expression in its words."""
        if expression.program is None:
            raise CelError(f"compilation error: {expression.problem}")
        try:
            return expression.program.evaluate(self._variables, self._budget)
        except CelError as problem:
            raise CelError(f"expression '{source}' resulted in error: {problem}") from None

    def _message(self, validation: Validation) -> str:
        """By the messageExpression, if it makes a text that is fit; else the message; else the expression."""
        told = ""
        if validation.message_expression is not None:
            try:
                value = self._value(validation.message_expression, "")
                told = value.strip() if isinstance(value, str) and len(value) <= _MESSAGE_MAX else ""
            except CelError:
                told = ""
        if told and "\n" not in told:
            return told
        return validation.message or f"failed expression: {validation.source}"

    def annotations(self) -> Iterator[tuple[str, str]]:
        """Keys and values; none where the value is null or empty."""
        for key, source, expression in self._policy.annotations if self._matches else ():
            try:
                value = self._value(expression, source)
            except (CelError, BudgetExceeded) as problem:
                if self._policy.fails_closed and not self.problem:
                    self.problem = str(problem)
                continue
            if isinstance(value, str) and value.strip():
                yield f"{self._policy.name}/{key}", value.strip()[:_ANNOTATION_MAX]


class _Collected:
    """What all policies have to say of a request."""

    def __init__(self, request: AdmissionRequest, metrics: AdmissionMetrics) -> None:
        self._request = request
        self.metrics = metrics
        self._annotations: dict[str, list[str]] = {}
        self._audited: list[dict[str, Any]] = []
        self.denials: list[ApiError] = []

    def misconfigured(self, policy: Policy, binding: Binding | None, why: str) -> None:
        if policy.fails_closed:
            what = "binding" if binding else "policy"
            self.deny(policy, binding, Failure(f"failed to configure {what}: {why}"))

    def deny(self, policy: Policy, binding: Binding | None, failure: Failure) -> None:
        named = f" with binding '{binding.name}'" if binding else ""
        subject = f"ValidatingAdmissionPolicy '{policy.name}'{named}"
        self.denials.append(denial(self._request, subject, failure.message, failure.reason))

    def failed(self, policy: Policy, binding: Binding, failure: Failure, began: float) -> None:
        """Do what the binding says."""
        for action in binding.actions:
            labels = (policy.name, binding.name, failure.error, action.lower())
            self.metrics.checked("validating", labels, began)
        if "Deny" in binding.actions:
            self.deny(policy, binding, failure)
        if "Audit" in binding.actions:
            self._audited.append(_audit_entry(policy, binding, failure))
            self._request.annotations[_FAILURES] = json.dumps(self._audited, separators=(",", ":"))
        if "Warn" in binding.actions:
            subject = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}'"
            self._request.warnings.append(f"Validation failed for {subject}: {failure.message}")

    def annotate(self, found: Iterator[tuple[str, str]]) -> None:
        for key, value in found:
            values = self._annotations.setdefault(key, [])
            if value not in values:
                values.append(value)

    def publish(self, policy: Policy) -> None:
        """The values of all bindings and parameters together."""
        for key, values in self._annotations.items():
            self._request.annotations[key] = ", ".join(values)
        self._annotations.clear()


def _audit_entry(policy: Policy, binding: Binding, failure: Failure) -> dict[str, Any]:
    return {
        "message": failure.message,
        "policy": policy.name,
        "binding": binding.name,
        "expressionIndex": failure.index,
        "validationActions": sorted(binding.actions),
    }
