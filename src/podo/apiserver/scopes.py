"""What a write may change of an object, and the rules it is held to: that of the resource itself, of its status, of
other subresources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from podo.api.kind import Kind, Obj
from podo.apiserver import validation
from podo.apiserver.call import Call
from podo.apiserver.fieldmanagement import tracking
from podo.apiserver.fieldmanagement.tracking import OfChanged
from podo.apiserver.subresources import ephemeralcontainers, resize


@dataclass(frozen=True, slots=True)
class Admission:
    """How a subresource's write looks to admission: ``show(obj)`` gives its body, ``take(obj, body)`` puts a changed
    one back."""

    show: Callable[[Obj], Obj | None]
    take: Callable[[Obj, Obj], None]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a write to the resource itself or to one of its subresources may change, and the rules it is held to."""

    #: Puts back into ``new`` what the write may not change. ``merge(new, old)``.
    merge: Callable[[Obj, Obj], None]
    check: Callable[[Kind, Obj, Obj], None]
    is_main: bool = False
    #: Does it change what somebody wants, and so the generation? (That a pod has its node does not.)
    is_wanted: bool = True
    #: Settles who owns which fields.
    manage: OfChanged = tracking.updated
    #: Which of the kind's warnings concern it. Asked once more where another write came between: told once.
    warnings: Callable[[Kind], Callable[[Obj, Obj], Iterable[str]] | None] = lambda kind: None
    #: What of the object admission is shown: itself, nothing (the writer has asked admission), or a body made of it.
    admission: Admission | None = None


def _keep_status(new: Obj, old: Obj) -> None:
    if "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)


def _keep_all_but_status(new: Obj, old: Obj) -> None:
    for name in [name for name in new if name not in ("status", "metadata", "apiVersion", "kind")]:
        if name not in old:
            del new[name]
    for name, value in old.items():
        if name not in ("status", "metadata"):
            new[name] = value
    found, before = new["metadata"], old["metadata"]
    if "ownerReferences" in before:
        found["ownerReferences"] = before["ownerReferences"]
    else:
        found.pop("ownerReferences", None)


def _keep_nothing(new: Obj, old: Obj) -> None:
    return None


_OF_MAIN = attrgetter("warnings")
_OF_STATUS = attrgetter("status_warnings")
MAIN = Scope(_keep_status, validation.check_update, is_main=True, warnings=_OF_MAIN)
MAIN_WITHOUT_STATUS = Scope(_keep_nothing, validation.check_update, is_main=True, warnings=_OF_MAIN)
STATUS = Scope(_keep_all_but_status, validation.check_status, warnings=_OF_STATUS)
#: The writer has changed exactly what it may (finalize).
EXACT = Scope(_keep_nothing, validation.check_nothing)
#: Admission is not asked: the writer has done so, or it is the server itself that writes.
_NOT_SHOWN = Admission(lambda obj: None, _keep_nothing)
UNSEEN = Scope(_keep_nothing, validation.check_nothing, admission=_NOT_SHOWN)
#: Likewise, and as upstream nobody owns what it has written (binding).
UNOWNED = Scope(_keep_nothing, validation.check_nothing, is_wanted=False, manage=tracking.kept, admission=_NOT_SHOWN)


def _keep_all_but_approval(new: Obj, old: Obj) -> None:
    """Of a CertificateSigningRequest only the conditions Approved and Denied may change."""
    wanted = (new.get("status") or {}).get("conditions") or ()
    _keep_all_but_status(new, old)
    status = dict(old.get("status") or {})
    others = [one for one in status.get("conditions") or () if one.get("type") not in ("Approved", "Denied")]
    decided = [one for one in wanted if one.get("type") in ("Approved", "Denied")]
    new["status"] = {**status, "conditions": [*decided, *others]}


def _keep_all_but_exactly_status(new: Obj, old: Obj) -> None:
    """Of a custom resource its status writes not even the metadata."""
    status, sent = new.get("status"), new["metadata"]
    for name in [name for name in new if name not in old]:
        del new[name]
    new |= old
    new["metadata"] = dict(old["metadata"])
    for name in ("managedFields", "resourceVersion"):
        if name in sent:
            new["metadata"][name] = sent[name]
    if status is None:
        new.pop("status", None)
    else:
        new["status"] = status


CUSTOM_STATUS = Scope(_keep_all_but_exactly_status, validation.check_status)
APPROVAL = Scope(_keep_all_but_approval, validation.check_approval)


#: The scopes of the subresources that verbs update and patch write.
SCOPES = {
    "status": STATUS,
    "approval": APPROVAL,
    "ephemeralcontainers": Scope(ephemeralcontainers.keep_others, ephemeralcontainers.check, is_main=True),
    "resize": Scope(resize.keep_others, resize.check, is_main=True),
}


def scope_of(call: Call) -> Scope:
    """The scope of a write by verbs update and patch."""
    if call.subresource:
        return SCOPES[call.subresource] if call.kind.custom is None else CUSTOM_STATUS
    return MAIN if call.kind.has_status else MAIN_WITHOUT_STATUS
