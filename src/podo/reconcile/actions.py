"""What a controller may want. Actions are values; ``reconcile.runner`` carries them out, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj

#: What a controller wants when the API refuses one of its actions: told the error (an ``ApiError``), it gives the
#: actions that say
#: so (``Tell``, ``SetStatus``), or that can be done all the same. The runner carries these out instead of the rest of
#: the pass, then fails the pass as it would have.
OnRefusal = Callable[[Exception], Iterable["Action"]]


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``obj``. AlreadyExists is a failure of the pass: look again with a fresh cache."""

    obj: Obj
    on_refusal: OnRefusal | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace ``obj`` at its resourceVersion."""

    obj: Obj
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """Patch ``obj`` (its kind, namespace and name are read). ``patch`` in the form of ``type``: json, merge or
    strategic."""

    obj: Obj
    patch: Any
    type: str = "merge"
    subresource: str = ""
    on_refusal: OnRefusal | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete ``obj``, this one and no successor of the same name (uid precondition). NotFound is success.
    ``unchanged``: only as it is here (at its resourceVersion)."""

    obj: Obj
    propagation: str = ""
    grace_seconds: int | None = None
    unchanged: bool = False
    on_refusal: OnRefusal | None = None


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Write ``status`` of ``obj`` where it differs from what ``obj`` has; nothing is sent where it does not."""

    obj: Obj
    status: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tell:
    """Record an Event about ``obj``. ``type``: Normal or Warning."""

    obj: Obj
    reason: str
    message: str
    type: str = "Normal"


@dataclass(frozen=True, slots=True)
class EnsureAbsent:
    """Go on only if the API itself, not the cache, knows no such object; else the pass fails and is tried again.

    For steps that cannot be undone and rest on something not being there. With ``name``: no object of this name and
    ``uid``
    ("" is any). Without: no object of ``kind`` in ``namespace`` at all. ``kind`` as clients name kinds.
    """

    kind: str
    namespace: str = ""
    name: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class EnsureUnchanged:
    """Go on only if the API itself has ``obj`` as it is here (its uid, at its resourceVersion); else the pass fails and
    is tried again. For steps that would be wrong if the cache was late."""

    obj: Obj


@dataclass(frozen=True, slots=True)
class RewriteAll:
    """Have the API store every object of ``kind`` again as it is, in today's version and under today's key.

    Left out are those written after the revision ``until``. Objects that change or go meanwhile are done with.
    ``on_done`` is told how many there were and gives what is to be done then; ``on_refusal`` as of other actions.
    ``kind`` as clients name kinds.
    """

    kind: str
    until: int
    on_done: Callable[[int], Iterable[Action]]
    on_refusal: OnRefusal | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the API answer ``review`` (a SubjectAccessReview, for one), which is never stored. ``on_answer`` is told the
    answered review and gives what is to be done then."""

    review: Obj
    on_answer: Callable[[Obj], Iterable[Action]]
    on_refusal: OnRefusal | None = None


@dataclass(frozen=True, slots=True)
class CheckAgain:
    """Run this key again after so many seconds, whatever happens before."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Do not run this key again within so many seconds, whatever changes: what changes meanwhile is looked at together.

    For passes that look at thousands of objects, of which each change would cost a look at all (``rest_after``).
    """

    seconds: float


#: How many objects may be looked at in a second again and again, the number that is always looked at at once, and the
#: longest rest (seconds).
LOOKED_AT_A_SECOND, FEW, LONGEST_REST = 10_000, 200, 1.0


def rest_after(objects: int) -> Iterator[Rest]:
    """The rest that a look at so many objects asks for; none after a look at few."""
    if objects > FEW:
        yield Rest(min(objects / LOOKED_AT_A_SECOND, LONGEST_REST))


Action = (
    Create
    | Update
    | Patch
    | Delete
    | SetStatus
    | Tell
    | EnsureAbsent
    | EnsureUnchanged
    | RewriteAll
    | Ask
    | CheckAgain
    | Rest
)
