"""A range that cluster IPs come from, in two parts: dynamic requests take from the upper part, which static ones are
asked to leave alone, and from the lower only when the upper is full (KEP-3070). Pure but for the dice."""

from __future__ import annotations

from podo.runtime.chance import Chance
from podo.values import net

#: The lower part is a sixteenth of the range, within these bounds; a range that is not larger than the first has none.
_SMALLEST, _LARGEST, _SHARE = 16, 256, 16


class _Part:
    """The numbers from ``first`` to ``last``, and those of them that are in use."""

    __slots__ = ("_used", "first", "last")

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self._used: set[int] = set()

    def use(self, number: int) -> None:
        if self.first <= number <= self.last:
            self._used.add(number)

    def free(self, number: int) -> None:
        self._used.discard(number)

    def find(self, chance: Chance) -> int | None:
        """One that is not in use, the next from a random one on."""
        width = self.last - self.first + 1
        if len(self._used) >= width:
            return None
        start = chance.below(width)
        for step in range(width):
            number = self.first + (start + step) % width
            if number not in self._used:
                return number
        return None


class Range:
    """The addresses of one CIDR of IPv4, as numbers."""

    def __init__(self, cidr: str) -> None:
        self.first, self.last = net.assignable(cidr)
        offset = _offset(net.network(cidr).num_addresses)
        self._parts = (_Part(self.first + offset, self.last), _Part(self.first, self.first + offset - 1))

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def use(self, number: int) -> None:
        for part in self._parts:
            part.use(number)

    def free(self, number: int) -> None:
        for part in self._parts:
            part.free(number)

    def find(self, chance: Chance) -> int | None:
        """One that nobody uses; None where there is none."""
        for part in self._parts:
            if (found := part.find(chance)) is not None:
                return found
        return None


def _offset(size: int) -> int:
    return 0 if size <= _SMALLEST else min(max(_SMALLEST, size // _SHARE), _LARGEST)
