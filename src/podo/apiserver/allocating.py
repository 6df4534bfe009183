"""When a write has something to allocate: Services do, other kinds do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podo.api.errors import invalid
from podo.api.kind import Kind, Obj
from podo.apiserver.allocation import NOTHING, ProblemFound, Reservation
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call


def allocates(kind: Kind) -> bool:
    return kind.plural == "services" and kind.group == ""


@contextmanager
def reserve(backend: Backend, call: Call, new: Obj, old: Obj | None) -> Iterator[Reservation]:
    """What the write takes; given back at the end of the block unless it was committed."""
    if not allocates(call.kind):
        yield NOTHING
        return
    try:
        reservation = backend.allocator.reserve(new, old)
    except ProblemFound as found:
        raise invalid(call.kind, call.name, [found.problem]) from None
    try:
        yield reservation
    finally:
        reservation.close()
