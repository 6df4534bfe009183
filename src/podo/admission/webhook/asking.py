"""Asking one webhook about a write: match conditions, the call, and what its failure means by its failurePolicy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podo.admission.metrics import CALLING_FAILED, DENIED, AdmissionMetrics
from podo.admission.request import AdmissionRequest
from podo.admission.webhook.hooks import Hook
from podo.admission.webhook.response import BadResponse, Verdict, denial, verdict_of
from podo.admission.webhook.review import review_of, version_for
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.runtime.log import Logger

if TYPE_CHECKING:
    from podo.cel.library.authorizing import Ask

log = Logger("podo.admission.webhook")


class CallFailed(Exception):
    """The webhook was not reached or did not answer with an object; the text says why."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the webhooks need of the server.

    ``metrics``: where they are counted. ``call(client_config, review, seconds)`` answers or raises CallFailed; ``uid``
    makes one; ``ask(request)``: who answers the authorizer of a request's expressions; ``settle(request, obj)`` brings
    a patched object into its kind's form (unknown fields dropped, defaults filled in) or raises ApiError.
    """

    metrics: AdmissionMetrics
    call: Callable[[Obj, Obj, float], Awaitable[Obj]]
    uid: Callable[[], str]
    ask: Callable[[AdmissionRequest], Ask]
    settle: Callable[[AdmissionRequest, Obj], Obj]


async def ask(
    hook: Hook, request: AdmissionRequest, kind: Kind, outside: Outside, place: str, *, mutating: bool
) -> Verdict | None:
    """The verdict of a webhook that allows; None if it failed and that is ignored. ``place``: its name in audit logs.

    Raises what it denied with, or InternalError if it failed and its failurePolicy is Fail.
    """
    metrics, operation, began = outside.metrics, request.operation, outside.metrics.now()
    try:
        verdict = await _ask(hook, request, kind, outside, mutating)
    except _Failed as failure:
        text = f'failed calling webhook "{hook.name}": {failure}'
        error = internal(text)
        metrics.asked(hook.name, mutating, operation, began, error.code, rejected=hook.fails_closed)
        if hook.fails_closed:
            metrics.rejected(hook.name, mutating, operation, CALLING_FAILED, error.code)
            raise error from None
        metrics.failed_open(hook.name, mutating)
        log.warning("webhook failed and is ignored", webhook=hook.name, why=str(failure))
        what = "mutation" if mutating else "validation"
        request.annotations[f"failed-open.{what}.webhook.admission.k8s.io/{place}"] = hook.name
        return None
    for text in verdict.warnings:
        if text not in request.warnings:
            request.warnings.append(text)
    request.annotations.update((f"{hook.name}/{key}", value) for key, value in verdict.annotations)
    if not verdict.allowed:
        refusal = denial(hook.name, verdict.status)
        metrics.asked(hook.name, mutating, operation, began, refusal.code, rejected=True)
        metrics.rejected(hook.name, mutating, operation, DENIED, refusal.code)
        raise refusal
    metrics.asked(hook.name, mutating, operation, began, 200, rejected=False)
    return verdict


class _Failed(Exception):
    pass


async def _ask(hook: Hook, request: AdmissionRequest, kind: Kind, outside: Outside, mutating: bool) -> Verdict:
    version = version_for(hook.versions)
    if not version:
        versions = ", ".join(hook.versions)
        raise _Failed(f"webhook does not accept known AdmissionReview versions (v1, v1beta1): {versions}")
    uid = outside.uid()
    try:
        answered = await outside.call(hook.client, review_of(request, kind, uid, version), hook.seconds)
        return verdict_of(answered, uid, version, mutating=mutating)
    except CallFailed as failure:
        raise _Failed(f"failed to call webhook: {failure}") from None
    except BadResponse as problem:
        raise _Failed(f"received invalid webhook response: {problem}") from None


def internal(why: str) -> ApiError:
    return ApiError("InternalError", f"Internal error occurred: {why}")
