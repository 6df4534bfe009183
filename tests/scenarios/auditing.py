"""What was asked of a world's API, as its audit log tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.audit.journal import Journal
from podo.apiserver.audit.policy import DEFAULT
from podo.lab import World
from podo.runtime.chance import Chance

Events = list[dict[str, Any]]


@contextmanager
def audited(world: World) -> Iterator[Events]:
    """By the default policy; the list is complete when the block ends."""
    lines: list[bytes] = []
    events: Events = []
    journal = Journal([lines.extend])
    journal.start()
    world.simulation._plane.api.audit(Auditor(DEFAULT, journal, world.simulation.clock, Chance(1)))
    yield events
    journal.stop()
    events += map(orjson.loads, lines)
