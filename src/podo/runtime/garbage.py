"""The garbage collector of a long-lived process: what is there after the start is left alone, and young objects are
looked at less often. Nearly everything here dies by its reference count; only what is in cycles waits for a
collection."""

from __future__ import annotations

import gc

#: New containers between two collections. A pass over so many takes about a millisecond; Python's own 700 are reached
#: by the decoding of a few pods, and made a tenth of the server's work under load.
YOUNG = 20_000


def settle() -> None:
    """Call it once, when everything that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
