"""pods/eviction: a delete that asks the pod's disruption budget first. Source: "API-initiated Eviction", KEP-3017."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from podo.api import registry
from podo.api.encoding import dumps
from podo.api.errors import ApiError, bad_request, not_found
from podo.api.kind import Obj
from podo.api.meta import condition_is_true, is_deleting, labels_of
from podo.apiserver import stored
from podo.apiserver.admitting import admit_whole
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import EXACT, UNSEEN
from podo.apiserver.verbs.delete import delete, parse_options
from podo.values import timestamp
from podo.values.selector import SelectorError, from_label_selector

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_TWO = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
#: The most evictions of one budget under way at once.
MOST_DISRUPTED = 2000
_FREE = ("Succeeded", "Failed", "Pending")


async def evict(backend: Backend, call: Call, eviction: Obj) -> Written:
    """Delete the pod if its budget allows it. Raises TooManyRequests (cause DisruptionBudget) where it does not."""
    name = (eviction.get("metadata") or {}).get("name")
    if name not in (None, "", call.name):
        raise bad_request("name in URL does not match name in Eviction object")
    options, dry_run = parse_options(eviction.get("deleteOptions") or {}, {})
    call.dry_run = call.dry_run or dry_run
    await admit_whole(backend, call, "CREATE", eviction, None)
    pod = await _pod(backend, call)
    if not _is_free(pod):
        budget = await _budget_of(backend, pod, call)
        if budget is not None and not _is_unhealthy_enough(budget, pod):
            await _take(backend, call, budget)
            pinned = pod["metadata"]["uid"]
            options = options if options.uid else replace(options, uid=pinned)
        if not call.dry_run:
            await _say_why(backend, call)
    await delete(backend, replace_verb(call), options, webhooks=False)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Written(dumps(status), 201)


def replace_verb(call: Call) -> Call:
    """The delete that an allowed eviction becomes."""
    return Call("delete", call.kind, call.namespace, call.name, "", call.user, call.dry_run)


async def _pod(backend: Backend, call: Call) -> Obj:
    record = await backend.store.get(call.key)
    if record is None:
        raise not_found(call.kind, call.name)
    return stored.load(call.kind, record.value)


def _is_free(pod: Obj) -> bool:
    """Does no budget count the pod: it runs no more, not yet, or is on its way out?"""
    return is_deleting(pod) or (pod.get("status") or {}).get("phase") in _FREE


async def _budget_of(backend: Backend, pod: Obj, call: Call) -> Obj | None:
    kind = registry.named("PodDisruptionBudget")
    page = await backend.store.range(f"{kind.prefix}{call.namespace}/")
    budgets = [stored.load(kind, record.value) for record in page.records]
    found = [budget for budget in budgets if _selects(budget, pod)]
    if len(found) > 1:
        raise ApiError("InternalError", _TWO)
    return found[0] if found else None


def _selects(budget: Obj, pod: Obj) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    try:
        return selector is not None and from_label_selector(selector).matches(labels_of(pod))
    except SelectorError:
        return False


def _is_unhealthy_enough(budget: Obj, pod: Obj) -> bool:
    """May the pod go because it is of no use as it is?"""
    if condition_is_true(pod, "Ready"):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy") or 0
    return bool(desired > 0 and (status.get("currentHealthy") or 0) >= desired)


async def _take(backend: Backend, call: Call, budget: Obj) -> None:
    """One of the budget's allowed disruptions, noted in its status in the same write."""
    kind, name = registry.named("PodDisruptionBudget"), budget["metadata"]["name"]
    now = timestamp.time(backend.clock.now())

    def taken(present: Obj) -> Obj:
        status = present.setdefault("status", {})
        _check(present, status)
        status["disruptionsAllowed"] -= 1
        status["disruptedPods"] = {**(status.get("disruptedPods") or {}), call.name: now}
        return present

    await rewrite(backend, Call("update", kind, call.namespace, name, "status", call.user, call.dry_run), taken, EXACT)


def _check(budget: Obj, status: dict[str, Any]) -> None:
    name = budget["metadata"]["name"]
    if (status.get("observedGeneration") or 0) < (budget["metadata"].get("generation") or 0):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", 10)
    if len(status.get("disruptedPods") or ()) > MOST_DISRUPTED:
        raise ApiError("Forbidden", "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    if (status.get("disruptionsAllowed") or 0) <= 0:
        desired, healthy = status.get("desiredHealthy") or 0, status.get("currentHealthy") or 0
        raise _refused(f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")


def _refused(why: str, retry_after: int = 0) -> ApiError:
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return ApiError("TooManyRequests", REFUSED, details)


async def _say_why(backend: Backend, call: Call) -> None:
    """The condition DisruptionTarget, before the delete."""
    now = timestamp.time(backend.clock.now())
    why = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    condition = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": now, **why}

    def told(pod: Obj) -> Obj:
        status = pod.setdefault("status", {})
        others = [one for one in status.get("conditions") or () if one.get("type") != "DisruptionTarget"]
        status["conditions"] = [*others, condition]
        return pod

    await rewrite(backend, Call("update", call.kind, call.namespace, call.name, "status", call.user), told, UNSEEN)
