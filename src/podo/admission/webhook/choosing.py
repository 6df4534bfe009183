"""Whether one webhook is asked about one write, and in the form of which kind: rules, selectors, matchConditions."""

from __future__ import annotations

from podo.admission import matching
from podo.admission.request import AdmissionRequest
from podo.admission.webhook.asking import Outside, log
from podo.admission.webhook.hooks import Hook
from podo.api.errors import forbidden
from podo.api.kind import Kind


async def kind_asked(hook: Hook, request: AdmissionRequest, outside: Outside) -> Kind | None:
    """None if the webhook is not asked. Raises Forbidden where its conditions cannot be told and it fails closed."""
    kind = await matching.match(hook.criteria, request)
    if kind is None:
        return None
    await matching.make_forms(request, kind)
    if not hook.conditions:
        return kind
    return kind if await _conditions_hold(hook, request, kind, outside) else None


async def _conditions_hold(hook: Hook, request: AdmissionRequest, kind: Kind, outside: Outside) -> bool:
    from podo.admission import matchconditions  # few webhooks have conditions, and CEL is large
    from podo.admission.policy.activation import activation_of
    from podo.cel.budget import Budget
    from podo.runtime.slices import in_slices

    conditions = matchconditions.compiled(hook.conditions)
    activation = await activation_of(request, kind, matchconditions.uses(conditions), outside.ask(request))
    try:
        return await in_slices(lambda: matchconditions.hold(conditions, activation, Budget()))
    except matchconditions.ConditionError as problem:
        if hook.fails_closed:
            raise forbidden(request.kind, request.name, str(problem)) from None
        log.warning("conditions of a webhook cannot be told: not called", webhook=hook.name, why=str(problem))
        return False
