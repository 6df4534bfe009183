"""delete: at once, or gracefully (pods), or when the last finalizer goes; with preconditions.

Source: "Garbage Collection", "Finalizers" and "Pod termination" of the Kubernetes documentation; metav1.DeleteOptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podo.api.encoding import dumps, stamp
from podo.api.errors import ApiError, bad_request, conflict, invalid_options, not_found
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, invalid, not_supported
from podo.apiserver import deletion, stored
from podo.apiserver.admitting import admit, validate
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import ATTEMPTS, remove
from podo.storage.contract import KeyNotFound, Record, RevisionMismatch

#: Kinds whose deleted object is answered instead of a Status.
_ANSWERS_OBJECT = frozenset(
    {"pods", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims", "podtemplates"}
)


_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """``metav1.DeleteOptions``. ``propagation``: "" or a policy; ``uid`` and ``revision``: preconditions; ``cascades``:
    was it asked for by ``orphanDependents: false``?"""

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    revision: str = ""
    cascades: bool = False

    def wire(self) -> Obj:
        """What is set, by the names of the API."""
        preconditions = {"uid": self.uid, "resourceVersion": self.revision}
        found = {
            "propagationPolicy": self.propagation,
            "preconditions": {key: value for key, value in preconditions.items() if value},
        }
        wire: Obj = {key: value for key, value in found.items() if value}
        return wire if self.grace_seconds is None else {"gracePeriodSeconds": self.grace_seconds, **wire}


async def delete(backend: Backend, call: Call, options: DeleteOptions, *, webhooks: bool = True) -> Written:
    """Delete or begin to. Raises NotFound, Conflict, and what admission refuses. ``webhooks``: are they asked?"""
    admitted = False
    call.delete_options = options.wire()
    for _ in range(ATTEMPTS):
        record = await backend.store.get(call.key)
        if record is None:
            raise not_found(call.kind, call.name)
        old = stored.shared(call.kind, record.value)
        _check_preconditions(call, old, options)
        if not admitted:
            await admit(backend, call, "DELETE", None, old, webhooks=webhooks)
            await validate(backend, call, "DELETE", None, old, webhooks=webhooks)
            admitted = True
        try:
            return await _attempt(backend, call, options, record, old)
        except RevisionMismatch:
            continue
        except KeyNotFound:
            raise not_found(call.kind, call.name) from None
    raise conflict(call.kind, call.name, "the object changed while it was being deleted; please try again")


def _check_preconditions(call: Call, old: Obj, options: DeleteOptions) -> None:
    found = old["metadata"]
    if options.uid and options.uid != found.get("uid"):
        why = f"the UID in the precondition ({options.uid}) does not match the UID in record ({found.get('uid')}). "
        raise _unmet(call, why + "The object might have been deleted and then recreated")
    if options.revision and options.revision != found.get("resourceVersion"):
        why = f"the ResourceVersion in the precondition ({options.revision}) does not match the ResourceVersion in "
        why += f"record ({found.get('resourceVersion')}). The object might have been modified"
        raise _unmet(call, why)


def _unmet(call: Call, why: str) -> ApiError:
    """As any conflict, but that upstream names the kind here, not the resource."""
    refusal = conflict(call.kind, call.name, why)
    refusal.message = f'Operation cannot be fulfilled on {call.kind.qualified} "{call.name}": {why}'
    refusal.details = {**(refusal.details or {}), "kind": call.kind.kind}
    return refusal


async def _attempt(backend: Backend, call: Call, options: DeleteOptions, record: Record, old: Obj) -> Written:
    kind = call.kind
    present = stored.load(kind, record.value)
    propagation = options.propagation or deletion.default_propagation(kind, present)
    wanted = deletion.begin(kind, present, options.grace_seconds, propagation, backend.clock.now())
    code = 202 if options.cascades and not wanted.remove else 200
    if not wanted.remove:
        if wanted.obj == old:
            return Written(stored.presented(kind, record.value), code)
        return Written(await _mark(backend, call, wanted.obj, record), code)
    if not call.dry_run:
        await remove(backend, kind, record, old)
    if kind.plural in _ANSWERS_OBJECT:
        return Written(stored.presented(kind, stamp(stored.dump(kind, wanted.obj), record.revision)), code)
    return Written(dumps(_success(kind, call.name, old)), code)


async def _mark(backend: Backend, call: Call, obj: Obj, record: Record) -> bytes:
    value = stored.dump(call.kind, obj)
    if call.dry_run:
        return stored.presented(call.kind, stamp(value, record.revision))
    done = await backend.store.update(record.key, value, expected=record.revision)
    stored.share(call.kind, done.value, done.revision, obj)
    return stored.presented(call.kind, done.value)


def _success(kind: Kind, name: str, old: Obj) -> Obj:
    details = {"name": name, "group": kind.group, "kind": kind.plural, "uid": old["metadata"].get("uid")}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def parse_options(body: Obj, query: dict[str, str]) -> tuple[DeleteOptions, bool]:
    """The options of a body or, without one, of the query; and whether it is a dry run. Raises BadRequest, Invalid."""
    source = body or query
    try:
        grace = None if source.get("gracePeriodSeconds") is None else int(source["gracePeriodSeconds"])
    except (TypeError, ValueError):
        raise bad_request("gracePeriodSeconds: must be an integer") from None
    preconditions = body.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise bad_request("preconditions: must be an object")
    propagation, orphans = source.get("propagationPolicy") or "", source.get("orphanDependents")
    dry_run = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    _check(propagation, orphans, dry_run)
    if orphans is not None:
        orphans = str(orphans).lower() == "true"
        propagation = "Orphan" if orphans else "Background"
    of_which = preconditions.get("uid") or "", preconditions.get("resourceVersion") or ""
    return DeleteOptions(grace, propagation, *of_which, cascades=orphans is False), bool(dry_run)


def _check(propagation: Any, orphans: Any, dry_run: Any) -> None:
    """Raises Invalid with all that is wrong with the options."""
    problems: Found = []
    if orphans is not None and propagation:
        both = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(invalid("propagationPolicy", propagation, both))
    if propagation not in ("", *_POLICIES):
        problems.append(not_supported("propagationPolicy", propagation, (*_POLICIES, "nil")))
    if dry_run and dry_run != ["All"]:
        problems.append(not_supported("dryRun", dry_run, ("All",)))
    if problems:
        raise invalid_options("DeleteOptions", problems)
