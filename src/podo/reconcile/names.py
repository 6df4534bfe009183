"""Stable names for what a controller makes: a decision that is taken again asks for the same objects, not for more
of them.

An owner and a base name fix one endless sequence of suffixes. New names follow the furthest living one in it, and
step over those that exist or were deleted not long ago. So:

* The same state gives the same names. After a crash between two creates, or with a cache that has not yet seen them,
  the decision asks for names that exist, and the API server refuses the second create instead of making a second pod.
* A cache that is behind sees a prefix of the history, so its "furthest" is one that truly was created, and the next
  name after it is again one that exists already.
* A deleted object's name is not used again while the process remembers it; after a restart it may be.

The suffix of position ``i`` is ``(start + i * step) mod 27**5`` written in 27 letters, ``start`` and ``step`` from a
hash of the
owner's uid and the base. As ``step`` has an inverse, the position of a name that exists is read back from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from podo.runtime.chance import SUFFIX_LETTERS

LENGTH = 5
SPACE = len(SUFFIX_LETTERS) ** LENGTH
#: generateName's rule: the whole stays a DNS label.
LONGEST_BASE = 63 - LENGTH
_VALUES = {letter: value for value, letter in enumerate(SUFFIX_LETTERS)}


class Sequence:
    """The names of one owner and base."""

    def __init__(self, owner_uid: str, base: str) -> None:
        self._base = base[:LONGEST_BASE]
        seed = hashlib.blake2b(f"{owner_uid}/{base}".encode(), digest_size=16).digest()
        self._start = int.from_bytes(seed[:8]) % SPACE
        step = int.from_bytes(seed[8:]) % SPACE
        while step % 3 == 0:  # 27**5 has no other prime
            step += 1
        self._step = step

    def name(self, position: int) -> str:
        value = (self._start + position * self._step) % SPACE
        letters = []
        for _ in range(LENGTH):
            value, digit = divmod(value, len(SUFFIX_LETTERS))
            letters.append(SUFFIX_LETTERS[digit])
        return self._base + "".join(letters)

    def position(self, name: str) -> int | None:
        """Where ``name`` stands in the sequence; None where it has another base or form."""
        if len(name) != len(self._base) + LENGTH or not name.startswith(self._base):
            return None
        value = 0
        for letter in reversed(name[len(self._base) :]):
            digit = _VALUES.get(letter)
            if digit is None:
                return None
            value = value * len(SUFFIX_LETTERS) + digit
        return (value - self._start) * pow(self._step, -1, SPACE) % SPACE

    def after(self, living: Iterable[str], in_use: Callable[[str], bool]) -> Iterator[str]:
        """The names after the furthest of ``living``, without those that are ``in_use``. Ends only when all are."""
        positions = [found for name in living if (found := self.position(name)) is not None]
        first = max(positions, default=-1) + 1
        for position in range(first, first + SPACE):
            name = self.name(position)
            if not in_use(name):
                yield name
