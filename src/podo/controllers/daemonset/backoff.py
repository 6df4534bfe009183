"""How long a failed daemon pod is left to be seen before another takes its place: longer each time one fails there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

#: Seconds after the first failure, and at most.
FIRST, LONGEST = 1.0, 900.0
#: Seconds after which a failure is forgotten.
REMEMBERED = 2 * LONGEST


class Place(NamedTuple):
    """A node, for one generation of a DaemonSet: a change of the template starts anew."""

    uid: str
    generation: int
    node: str


@dataclass(slots=True)
class Backoff:
    """By place, the present delay and since when it counts. Lost at a restart, as upstream's."""

    _delays: dict[Place, tuple[float, float]] = field(default_factory=dict)

    def left(self, place: Place, now: float) -> float:
        """Seconds for which a failed pod is left alone; none after a first failure."""
        delay, since = self._delays.get(place, (0.0, now))
        return max(0.0, since + delay - now)

    def failed(self, place: Place, now: float) -> None:
        """A failed pod is removed: the next one has to wait twice as long."""
        self._delays = {each: entry for each, entry in self._delays.items() if now - entry[1] <= REMEMBERED}
        delay, _ = self._delays.get(place, (0.0, now))
        self._delays[place] = (min(max(FIRST, 2 * delay), LONGEST), now)
