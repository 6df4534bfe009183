"""Chance. One seeded generator for uids, generated names and jitter, so that a run can be replayed from its seed."""

from __future__ import annotations

import os
import random

#: The letters of generated name suffixes: no vowels and none that are mistaken for another (as Kubernetes' own).
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


#: The bits of a UUID that say its version (4) and variant (RFC 9562, 5.4), and all others.
_FIXED = 0x4000_8000_0000_0000_0000
_NOT_FIXED = ~0xF000_C000_0000_0000_0000 & (1 << 128) - 1

#: Bytes of entropy that are fetched at a time: the call costs more than the bytes.
_FETCHED = 4096


class _Entropy(random.SystemRandom):
    """The machine's entropy, fetched ahead."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = b""
        self._at = 0

    def getrandbits(self, k: int) -> int:
        size = (k + 7) // 8
        if self._at + size > len(self._bytes):
            self._bytes, self._at = os.urandom(max(_FETCHED, size)), 0
        found = int.from_bytes(self._bytes[self._at : self._at + size], "little")
        self._at += size
        return found >> (size * 8 - k)

    def random(self) -> float:
        return self.getrandbits(53) * 2.0**-53


class Chance:
    """A source of chance. Without a seed it takes the machine's entropy."""

    def __init__(self, seed: int | str | None = None) -> None:
        self._random: random.Random = _Entropy() if seed is None else random.Random(seed)

    def uid(self) -> str:
        """A version 4 UUID, as ``metadata.uid``."""
        bits = self._random.getrandbits(128) & _NOT_FIXED | _FIXED
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def suffix(self, length: int = 5) -> str:
        """A random name suffix, as ``metadata.generateName`` and ReplicaSets append."""
        return "".join(self._random.choices(SUFFIX_LETTERS, k=length))

    def fraction(self) -> float:
        """A float in [0, 1)."""
        return self._random.random()

    def jitter(self, seconds: float, factor: float = 0.1) -> float:
        """``seconds`` and up to ``factor`` of it more."""
        return seconds * (1 + factor * self._random.random())

    def below(self, bound: int) -> int:
        """An int in [0, bound)."""
        return self._random.randrange(bound)
