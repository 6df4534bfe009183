"""What a write takes beside its place in the store: Services addresses and ports, others what quotas charge them."""

from __future__ import annotations

from types import TracebackType

from podo.admission.request import Held
from podo.api.errors import ApiError, invalid
from podo.api.kind import Kind, Obj
from podo.apiserver.allocation import ProblemFound
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.authz.attributes import Unanswered


class Taken:
    """All that a write has taken, also what admission takes later. ``commit`` it when the write is done; what was not
    is given back at the end of the block."""

    __slots__ = ("held",)

    def __init__(self, held: list[Held]) -> None:
        self.held = held

    def commit(self) -> None:
        for each in self.held:
            each.commit()

    def __enter__(self) -> Taken:
        return self

    def __exit__(self, of: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        if not self.held:  # as nearly always
            return
        if why is not None and not isinstance(why, ApiError | Unanswered):
            for each in self.held:  # cancelled, or the store failed: it may be written, now or in a moment
                each.doubt()
        for each in self.held:
            each.close()
        self.held.clear()


def allocates(kind: Kind) -> bool:
    return kind.plural == "services" and kind.group == ""


def reserve(backend: Backend, call: Call, new: Obj, old: Obj | None) -> Taken:
    """What the write takes, for a ``with`` block around the write."""
    if allocates(call.kind):
        try:
            call.held.append(backend.allocator.reserve(new, old))
        except ProblemFound as found:
            raise invalid(call.kind, call.name, [found.problem]) from None
    return Taken(call.held)
