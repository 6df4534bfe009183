"""Shuffle sharding: each flow is dealt a hand of queues, so that few flows share all queues with a loud one. Pure.

Source: "Fair Queuing" of API Priority and Fairness; Amazon's "Workload isolation using shuffle-sharding".
"""

from __future__ import annotations

from bisect import insort
from hashlib import blake2b


def hand_of(schema: str, distinguisher: str, queues: int, size: int) -> tuple[int, ...]:
    """``size`` different numbers below ``queues``, the same ones for the same flow."""
    digest = blake2b(f"{schema}\0{distinguisher}".encode(), digest_size=32).digest()
    entropy = int.from_bytes(digest, "big")
    taken: list[int] = []
    hand = []
    for dealt in range(min(size, queues)):
        entropy, card = divmod(entropy, queues - dealt)
        for other in taken:  # in order: cards that are gone are stepped over
            if card >= other:
                card += 1
        insort(taken, card)
        hand.append(card)
    return tuple(hand)
