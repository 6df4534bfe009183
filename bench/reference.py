"""What a measurement would be on the machine whose floors and goals are written down.

Machines differ, and a busy one differs from itself. The least server (``bench.floor``) answers GETs right beside each
measurement; on the reference machine (2 cores, Zen 4, CPython 3.11) one costs ``FLOOR_GET``. What a figure cost here,
times the ratio of the two, is what it costs there. Both are printed; goals are held against the latter.
"""

from __future__ import annotations

#: CPU of one GET of the least server over TLS with 64 connections on the reference machine, in microseconds.
FLOOR_GET = 17.7
#: What the peer (kube-apiserver 1.36 there) serves of a LIST, in GB per CPU second.
PEER_LIST = 0.136


def speed(floor_get: float) -> float:
    """How fast this machine is now, as a part of the reference machine. ``floor_get``: microseconds here."""
    return FLOOR_GET / floor_get
