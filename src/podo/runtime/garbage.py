"""The garbage collector of a long-lived process: what is there after the start is left alone, and young objects are
looked at less often. Nearly everything here dies by its reference count; only what is in cycles waits for a
collection."""

from __future__ import annotations

import gc
from types import TracebackType

#: New containers between two collections. A pass over so many takes about a millisecond; Python's own 700 are reached
#: by the decoding of a few pods, and made a tenth of the server's work under load.
YOUNG = 20_000


def settle() -> None:
    """Call it once, when everything that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)


#: After so many spared times everything is looked at once: what was left alone may have become garbage meanwhile.
SPARED_TIMES = 32


class Sparing:
    """What was there before it was entered is left alone until it is left, and young objects are looked at less often;
    then what was made since and is not used any more goes at once. For much that comes and goes as a whole.

    A collection of the whole heap of a process that has imported podo takes as long as the start of a World, and a
    World makes as many objects as bring one about. Of those that are open at the same time the first and the last
    count. Whoever has frozen or disabled the collector keeps it so."""

    _open = _times = 0
    _before: tuple[int, int, int] | None = None

    def __enter__(self) -> None:
        Sparing._open += 1
        if Sparing._open > 1 or not gc.isenabled() or gc.get_freeze_count():
            return
        Sparing._times += 1
        if Sparing._times % SPARED_TIMES == 0:
            gc.collect()
        Sparing._before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(YOUNG, 10, 10)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Sparing._open -= 1
        if Sparing._open or Sparing._before is None:
            return
        gc.collect()
        gc.unfreeze()
        gc.set_threshold(*Sparing._before)
        Sparing._before = None
