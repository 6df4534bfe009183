"""Configuration files that a running server takes up when they have changed: authentication, authorization, encryption.
A file that cannot be used changes nothing: the log and the metrics say so, and what was in force stays.

The other files (audit policy, static tokens, scheduler …) are read at start only, as upstream's are. Source: the pages
of the Kubernetes documentation on each of these files; the metrics are upstream's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from podo.cluster.filelooks import FileLooks, State, state_of
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.metrics import Counter, Family, Labels, gauge

log = Logger("podo.configuration")
#: How often the files are looked at.
CHECK_SECONDS = 10.0
_LABELS = ("apiserver_id_hash", "status")


@dataclass(slots=True)
class _Watched:
    name: str
    file: Path
    take: Callable[[], None]
    seen: State
    reloads: Counter
    last: dict[Labels, float]


class Rereading(FileLooks):
    """``watch`` files, then ``start``. ``server``: the API server's name, of which metrics show the hash."""

    def __init__(self, clock: Clock, server: str) -> None:
        super().__init__("configuration", CHECK_SECONDS)
        self._clock = clock
        self._hash = f"sha256:{sha256(server.encode()).hexdigest()}"
        self._watched: list[_Watched] = []

    def watch(self, name: str, file: Path, take: Callable[[], None]) -> None:
        """``name``: as metrics have it (``authentication``). ``take`` raises ValueError or OSError for a file that
        cannot be used. A file that is not there now is not looked for; one that goes later changes nothing."""
        if file.exists():
            text = f"Reloads of the {name} configuration, by their success."
            reloads = Counter(f"apiserver_{name}_config_controller_automatic_reloads_total", text, _LABELS)
            self._watched.append(_Watched(name, file, take, state_of(file), reloads, {}))

    def start(self) -> None:
        if self._watched:
            super().start()

    def check(self) -> None:
        """Take up what has changed since the last look; each file once, whether it can be used or not."""
        for one in self._watched:
            state = state_of(one.file)
            if state != one.seen:
                one.seen = state
                self._reread(one)

    def _reread(self, one: _Watched) -> None:
        status = "success"
        try:
            one.file.stat()
            one.take()
        except (ValueError, OSError) as problem:
            status = "failure"
            log.error("not taken up, the former configuration stays", file=str(one.file), why=str(problem))
        else:
            log.info("taken up", file=str(one.file))
        one.reloads.add((self._hash, status))
        one.last[self._hash, status] = self._clock.now()

    def families(self) -> Iterable[Family]:
        for one in self._watched:
            yield one.reloads.family()
            name = f"apiserver_{one.name}_config_controller_automatic_reload_last_timestamp_seconds"
            yield gauge(name, f"When the {one.name} configuration was last reloaded.", _LABELS, one.last.items())
