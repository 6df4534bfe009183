"""What a write takes beside its place in the store: Services addresses and ports, others what quotas charge them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from podo.admission.request import Held
from podo.api.errors import ApiError, invalid
from podo.api.kind import Kind, Obj
from podo.apiserver.allocation import ProblemFound
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.authz.attributes import Unanswered


@dataclass(slots=True)
class Taken:
    """All that a write has taken, also what admission takes later. ``commit`` it when the write is done."""

    held: list[Held]

    def commit(self) -> None:
        for each in self.held:
            each.commit()


def allocates(kind: Kind) -> bool:
    return kind.plural == "services" and kind.group == ""


@contextmanager
def reserve(backend: Backend, call: Call, new: Obj, old: Obj | None) -> Iterator[Taken]:
    """What the write takes; given back at the end of the block unless it was committed."""
    if allocates(call.kind):
        try:
            call.held.append(backend.allocator.reserve(new, old))
        except ProblemFound as found:
            raise invalid(call.kind, call.name, [found.problem]) from None
    try:
        yield Taken(call.held)
    except (ApiError, Unanswered):
        raise
    except BaseException:  # cancelled, or the store failed: it may be written, now or in a moment
        for each in call.held:
            each.doubt()
        raise
    finally:
        for each in call.held:
            each.close()
        call.held.clear()
