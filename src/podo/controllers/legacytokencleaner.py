"""Legacy service-account tokens that nobody uses: a token Secret that was made for an account by itself (the account
lists it) and that no pod refers to is marked as invalid when it has not been used for a year, and removed a year later.

Source: "Legacy ServiceAccount token cleaner" of the Kubernetes documentation (KEP-2799).
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from podo.authn.legacytokens import INVALID_SINCE, LAST_USED
from podo.authz.node.named import references_of
from podo.controllers.legacytokentracking import NAMESPACE, is_its_namespace, tracked_since
from podo.controllers.tokensecrets import NAME, TYPE, UID
from podo.reconcile.actions import Action, CheckAgain, Delete, Patch
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp

DAY = 24 * 3600.0
#: How long a token may go unused (--legacy-service-account-token-clean-up-period), and how often they are looked at:
#: so long a mark that somebody takes away stays away.
UNUSED, EVERY = 365 * DAY, DAY


@controller(
    reconciles="Namespace", reads=("ConfigMap", "Pod", "Secret", "ServiceAccount"), minds=is_its_namespace, workers=1
)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    if key.name != NAMESPACE:
        return
    since = tracked_since(view)
    if since is None:
        yield CheckAgain(EVERY)
    elif (left := since + DAY + UNUSED - view.now) > 0:
        yield CheckAgain(left)
    else:
        for secret in view.list("Secret"):
            if secret.get("type") == TYPE and not is_deleting(secret) and _is_unused(secret, view):
                yield from _next_step(secret, view.now)
        yield CheckAgain(EVERY)


def _is_unused(secret: Obj, view: View) -> bool:
    before = view.now - UNUSED
    if timestamp.parse(secret["metadata"]["creationTimestamp"]) >= before:
        return False
    used = labels_of(secret).get(LAST_USED)
    if used is not None and (timestamp.start_of_day(used) is None or used >= timestamp.day(before)):
        return False
    return _is_listed(secret, view) and not _is_referred_to(secret, view)


def _next_step(secret: Obj, now: float) -> Iterator[Action]:
    marked = labels_of(secret).get(INVALID_SINCE, "")
    if timestamp.start_of_day(marked) is None:
        labels = {INVALID_SINCE: timestamp.day(now)}
        yield Patch(secret, {"metadata": {"uid": uid_of(secret), "labels": labels}})
    elif marked < timestamp.day(now - UNUSED):
        yield Delete(secret, unchanged=True)  # it may be used at this moment


def _is_listed(secret: Obj, view: View) -> bool:
    """Was the Secret made by itself, as far as one can see: is it among its account's?"""
    annotations = annotations_of(secret)
    account = view.get("ServiceAccount", annotations.get(NAME, ""), namespace_of(secret))
    if account is None or annotations.get(UID, "") not in ("", uid_of(account)):
        return False
    return any(one.get("name") == name_of(secret) for one in account.get("secrets") or ())


def _is_referred_to(secret: Obj, view: View) -> bool:
    wanted = "secrets", namespace_of(secret), name_of(secret)
    return any(wanted in references_of(pod) for pod in view.list("Pod", namespace_of(secret)))
