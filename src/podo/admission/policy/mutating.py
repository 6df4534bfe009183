"""MutatingAdmissionPolicy: one policy after the other, each sees what the former ones have made of the object; and
once more those that want to, if another has changed the object since (reinvocationPolicy)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from podo.admission import matchconditions, matching
from podo.admission.matchconditions import OUT_OF_BUDGET, ConditionError
from podo.admission.metrics import INVALID, NO_ERROR
from podo.admission.metrics import OUT_OF_BUDGET as NO_BUDGET
from podo.admission.policy.activation import Variables, activation_of
from podo.admission.policy.compiled import Binding, Patch, Policy
from podo.admission.policy.decisions import denial
from podo.admission.policy.params import Outside, ParamProblem, params_of
from podo.admission.policy.patching import MutationError, applied, patched
from podo.admission.policy.policies import Bound
from podo.admission.request import AdmissionRequest
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.values import CelError
from podo.runtime.slices import in_slices


class PolicyWalk:
    """One write's way through the mutating policies: ``pass_through`` once, and again while ``changed``."""

    def __init__(self, bounds: Sequence[Bound], outside: Outside) -> None:
        self._bounds = bounds
        self._outside = outside
        self._passes = 0
        self.changed = False

    async def pass_through(self, request: AdmissionRequest) -> None:
        """``request.object`` becomes what the policies make of it. Raises the first refusal."""
        self._passes += 1
        self.changed = False
        if request.object is None:
            return
        before = orjson.dumps(request.object)
        for policy, bindings in self._bounds:
            if self._passes == 1 or policy.reinvoked:
                await self._visit(policy, bindings, request)
        self.changed = orjson.dumps(request.object) != before

    async def _visit(self, policy: Policy, bindings: Sequence[Binding], request: AdmissionRequest) -> None:
        try:
            kind = await matching.match(policy.criteria, request)
        except ApiError as problem:
            self._failed(policy, None, request, f"failed to configure policy: {problem}")
            return
        if kind is None:
            return
        for binding in bindings:
            began, error = self._outside.metrics.now(), INVALID
            try:
                if binding.criteria is not None and await matching.match(binding.criteria, request) is None:
                    error = ""
                    continue
                await self._by_binding(policy, binding, kind, request)
                error = NO_ERROR
            except ParamProblem as problem:
                what = "binding" if problem.of_binding else "policy"
                self._failed(policy, binding, request, f"failed to configure {what}: {problem}")
            except ApiError as problem:
                self._failed(policy, binding, request, problem.message)
            except (CelError, ConditionError, MutationError) as problem:
                self._failed(policy, binding, request, str(problem))
            except BudgetExceeded:
                error = NO_BUDGET
                self._failed(policy, binding, request, OUT_OF_BUDGET)
            finally:
                if error:
                    self._outside.metrics.checked("mutating", (policy.name, binding.name, error), began)

    def _failed(self, policy: Policy, binding: Binding | None, request: AdmissionRequest, why: str) -> None:
        if policy.fails_closed:
            named = f" with binding '{binding.name}'" if binding else ""
            raise denial(request, f"policy '{policy.name}'{named}", why)

    async def _by_binding(self, policy: Policy, binding: Binding, kind: Kind, request: AdmissionRequest) -> None:
        for one in await params_of(policy, binding, request, self._outside):
            budget = Budget()
            for index, patch in enumerate(policy.patches):
                # each mutation sees what the one before it has done
                await matching.make_forms(request, kind)
                activation = await activation_of(request, kind, policy.uses, self._outside.ask(request))
                variables = activation.with_params(one)
                variables["variables"] = Variables(policy.variables, variables, budget)
                hold = partial(matchconditions.hold, policy.conditions, variables, budget)
                if index == 0 and not await in_slices(hold):
                    break
                new = await in_slices(partial(self._mutated, patch, variables, kind, budget))
                await self._settle(request, kind, new)

    def _mutated(self, patch: Patch, variables: dict[str, Any], kind: Kind, budget: Budget) -> Obj:
        if patch.mutation is None:
            raise MutationError(f"compilation error: {patch.problem}")
        try:
            value = patch.mutation.program.evaluate(variables, budget)
        except CelError as problem:
            raise MutationError(f"expression '{patch.source}' resulted in error: {problem}") from None
        if patch.kind == "JSONPatch":
            return patched(variables["object"], value, patch.mutation)
        return applied(variables["object"], value, patch.mutation, self._outside.layout(kind))

    async def _settle(self, request: AdmissionRequest, kind: Kind, new: Obj) -> None:
        """Take the new object over, in place."""
        assert request.object is not None
        settled = self._outside.settle(request, await matching.in_own_form(request, kind, new))
        if settled != request.object:
            request.object.clear()
            request.object.update(settled)
