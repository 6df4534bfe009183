"""Amounts that chance decides. A draw depends on a seed and on what it is for, not on what was drawn before it: the
same pod behaves the same whatever else happens around it, and in a world that goes on from another.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass


def fraction(*purpose: object) -> float:
    """A number in (0, 1) that ``purpose`` decides."""
    text = "\0".join(map(str, purpose)).encode()
    bits = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    return (bits + 0.5) / (1 << 64)


@dataclass(frozen=True, slots=True)
class Fixed:
    value: float

    def draw(self, *purpose: object) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value between two is as likely as any other."""

    least: float
    most: float

    def draw(self, *purpose: object) -> float:
        return self.least + (self.most - self.least) * fraction(*purpose)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Most are short, a few very long: as the times between things that do not know of each other."""

    mean: float

    def draw(self, *purpose: object) -> float:
        return -self.mean * math.log(fraction(*purpose))


@dataclass(frozen=True, slots=True)
class Normal:
    """Around ``mean``; never below 0."""

    mean: float
    deviation: float

    def draw(self, *purpose: object) -> float:
        radius = math.sqrt(-2 * math.log(fraction(*purpose)))
        return max(0.0, self.mean + self.deviation * radius * math.cos(2 * math.pi * fraction("angle", *purpose)))


Seconds = Fixed | Uniform | Exponential | Normal
