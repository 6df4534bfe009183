"""The garbage collector of a long-lived process: what is there after the start is left alone, and young objects are
looked at less often. Nearly everything here dies by its reference count; only what is in cycles waits for a
collection."""

from __future__ import annotations

import gc
from types import TracebackType

#: New containers between two collections. A pass over so many takes about a millisecond; Python's own 700 are reached
#: by the decoding of a few pods, and made a tenth of the server's work under load.
YOUNG = 20_000
#: The collections of young objects after which older ones are looked at too, and of those after which all are: of a
#: hundred and sixty thousand, which takes some 30 ms, since nobody is answered meanwhile.
OLDER, ALL = 3, 1
#: What has grown to so many times its size is looked at whole, once: it may have become garbage since it was kept.
GROWN = 4
#: So many containers have come, at most, from one look at all to the next: to count them would be a look of its own.
COME = YOUNG * (OLDER + 1) * (ALL + 1)


def keep() -> None:
    """What has been made until now is left alone from here on; nothing is looked at. For a start in many steps."""
    gc.freeze()


def settle() -> None:
    """Call it once, when everything that stays has been made. From here on what a look at all has found in use is
    left alone, too: another look takes as long as what has come since, and not as long as what is there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, ALL)
    gc.callbacks.append(_Survivors(gc.get_freeze_count()))


class _Survivors:
    """Keeps them. ``whole``: how many containers there were when all of them were looked at last."""

    def __init__(self, whole: int) -> None:
        self._whole = max(whole, COME)
        self._come = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase != "stop" or info["generation"] < 2:
            return
        gc.freeze()
        self._come += COME
        if self._come > self._whole * (GROWN - 1):
            gc.unfreeze()
            self._whole, self._come = self._whole * GROWN, 0


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
