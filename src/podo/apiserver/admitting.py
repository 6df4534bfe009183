"""From a call to admission: first what may change the write (plug-ins, mutating policies and webhooks), and once the
rules of the kind are met, what may refuse it only (plug-ins, validating policies and webhooks, quotas).

Where nothing looks at such a write, either half costs a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from podo.admission import chain
from podo.admission.metrics import ADMIT, LAST, VALIDATE
from podo.admission.request import AdmissionRequest
from podo.admission.webhook import validating
from podo.admission.webhook.hooks import Hook
from podo.admission.webhook.mutating import Walk
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver import escalation
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import entries
from podo.apiserver.policies import outside
from podo.authn.user import User
from podo.authz.attributes import Attributes

if TYPE_CHECKING:
    from podo.admission.policy.mutating import PolicyWalk
    from podo.admission.policy.policies import Bound


#: Plug-ins and webhooks are asked once more after a webhook has changed the object, and not again after that.
PASSES = 2


async def admit(
    backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None, *, webhooks: bool = True
) -> bool:
    """Let plug-ins, mutating policies and webhooks complete ``obj`` in place; raises the first refusal.

    True if a policy or webhook has changed it: then what the write may not change has to be put back.
    """
    changed = False
    metrics = backend.metrics.admission
    began = metrics.now()
    walks = _walks(backend, call, operation) if webhooks else []
    try:
        if walks:
            changed = await _with_walks(backend, _request(backend, call, operation, obj, old), walks)
        elif plugins := chain.chain_for(call.kind, operation, call.subresource):
            await metrics.run(plugins, _request(backend, call, operation, obj, old), ADMIT)
    except ApiError:
        metrics.stepped(ADMIT, operation, began, rejected=True)
        raise
    metrics.stepped(ADMIT, operation, began)
    if obj is not None:
        escalation.check(backend.authorizer, call, obj, old)
    return changed


def _walks(backend: Backend, call: Call, operation: str) -> list[Walk | PolicyWalk]:
    """The ways through mutating policies and webhooks that such a write takes: nearly always none."""
    found: list[Walk | PolicyWalk] = []
    if policies := backend.policies.mutating:
        bound = policies.concerned(call.kind, operation, call.subresource)
        if bound:
            from podo.admission.policy.mutating import PolicyWalk  # CEL is loaded with the first policy

            found.append(PolicyWalk(bound, outside(backend)))
    if (hooks := backend.webhooks.mutating).active:
        asked = hooks.concerned(call.kind, operation, call.subresource)
        if asked:
            found.append(Walk(asked, backend.webhooks.outside))
    return found


def asks_others_to_change(backend: Backend) -> bool:
    """Is there any mutating policy or webhook?"""
    return bool(backend.policies.mutating) or backend.webhooks.mutating.active


async def _with_walks(backend: Backend, request: AdmissionRequest, walks: list[Walk | PolicyWalk]) -> bool:
    """Plug-ins, then policies and webhooks; and all once more if one of these has changed the object. Has one?"""
    managed = _managed_fields(request)
    changed = False
    plugins = chain.chain_for(request.kind, request.operation, request.subresource)
    for _ in range(PASSES):
        await backend.metrics.admission.run(plugins, request, ADMIT)
        for walk in walks:
            await walk.pass_through(request)
        if not any(walk.changed for walk in walks):
            break
        changed = True
    if changed:
        _check_managed_fields(request, managed)
    return changed


def _managed_fields(request: AdmissionRequest) -> Any:
    return ((request.object or {}).get("metadata") or {}).get("managedFields")


def _check_managed_fields(request: AdmissionRequest, before: Any) -> None:
    """A webhook may rewrite the entries, but not spoil them."""
    found = (request.object or {}).get("metadata") or {}
    try:
        entries.read_checked(found.get("managedFields"))
    except entries.EntryError as problem:
        found["managedFields"] = before
        request.warnings.append(
            f".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated "
            f"mutating admission controller; please fix your requests: {problem}"
        )


async def validate(
    backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None, *, webhooks: bool = True
) -> None:
    """Ask those that refuse only, about the write as it will be stored. Raises the refusal."""
    hooks = backend.webhooks.validating
    asked = hooks.concerned(call.kind, operation, call.subresource) if hooks.active and webhooks else ()
    policies = backend.policies.validating
    bound = policies.concerned(call.kind, operation, call.subresource) if policies and webhooks else ()
    first, last = chain.validators_for(call.kind, operation, call.subresource)
    metrics = backend.metrics.admission
    began = metrics.now()
    try:
        if bound or asked or first or last:
            request = _request(backend, call, operation, obj, old)
            if first:
                await metrics.run(first, request, VALIDATE)
            if bound or asked:
                await _by_others(backend, request, bound, asked)
            if last:
                await metrics.run(last, request, LAST)
    except ApiError:
        metrics.stepped(VALIDATE, operation, began, rejected=True)
        raise
    metrics.stepped(VALIDATE, operation, began)


async def _by_others(
    backend: Backend, request: AdmissionRequest, bound: Sequence[Bound], asked: Sequence[Hook]
) -> None:
    """Validating policies, then webhooks."""
    if bound:
        from podo.admission.policy import validating as validating_policies  # CEL is loaded with the first policy

        await validating_policies.validate(bound, request, outside(backend))
    if asked:
        await validating.validate(asked, request, backend.webhooks.outside)


async def admit_whole(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> None:
    """Both halves, for what has no rules of its own between them: deletes, connections, bodies of subresources."""
    await admit(backend, call, operation, obj, old)
    await validate(backend, call, operation, obj, old)


def _request(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> AdmissionRequest:
    shown = call.shown
    if shown is None or not _is_of(shown, call, operation, obj, old):
        shown = call.shown = _made(backend, call, operation, obj, old)
    return shown


def _is_of(shown: AdmissionRequest, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> bool:
    """Is this what would be made again? Forms in other versions are of the object as it was before."""
    is_same = shown.object is obj and shown.old is old and not shown.forms and shown.operation == operation
    return is_same and (shown.name, shown.namespace, shown.subresource) == (call.name, call.namespace, call.subresource)


def _made(backend: Backend, call: Call, operation: str, obj: Obj | None, old: Obj | None) -> AdmissionRequest:
    user = call.user

    def may(verb: str, group: str, resource: str, name: str = "", namespace: str = "", subresource: str = "") -> bool:
        asked = Attributes(user.name, user.groups, verb, group, resource, subresource, namespace, name)
        return backend.authorizer.decide(asked).allowed

    return AdmissionRequest(
        operation,
        call.kind,
        call.namespace,
        call.name,
        call.subresource,
        obj,
        old,
        user.name,
        backend.store,
        user.groups,
        user.uid,
        _extra(user) if user.extra else _NO_EXTRA,
        may,
        call.dry_run,
        call.warnings,
        call.annotations,
        _options(call, operation),
        backend.quotas,
        call.held,
        backend.config.pod_security,
        backend.convert,
        now=backend.clock.now,
        image_policy=backend.image_policy,
    )


_NO_EXTRA: Mapping[str, list[str]] = {}


@lru_cache(1024)
def _extra(user: User) -> Mapping[str, list[str]]:
    """Made once a user, of whom each connection has one; not to be changed."""
    return {key: list(values) for key, values in user.extra}


_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def _options(call: Call, operation: str) -> Obj:
    """The options of the write as ``meta.k8s.io/v1`` has them; none for a connection."""
    if operation == "CONNECT":
        return {}
    kind = "PatchOptions" if call.verb == "patch" else _OPTIONS[operation]
    options: Obj = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if operation == "DELETE":
        options |= call.delete_options or {}
    elif call.field_manager:
        options["fieldManager"] = call.field_manager
    if call.force is not None:
        options["force"] = call.force
    if call.dry_run:
        options["dryRun"] = ["All"]
    return options
