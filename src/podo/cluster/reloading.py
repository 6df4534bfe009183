"""Renewed certificates are taken up by running processes: new TLS connections show them, nothing is restarted."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from podo.cluster.filelooks import GONE, FileLooks, State, state_of
from podo.http.tls import change_certificate
from podo.runtime.log import Logger

log = Logger("podo.certificates")
#: How often the files are looked at.
CHECK_SECONDS = 60.0


@dataclass(slots=True)
class _Pair:
    certificate: Path
    key: Path
    contexts: Callable[[], Iterable[ssl.SSLContext]]
    seen: State


class Reloading(FileLooks):
    """``watch`` pairs of files, then ``start``."""

    def __init__(self) -> None:
        super().__init__("certificates", CHECK_SECONDS)
        self._pairs: list[_Pair] = []

    def watch(self, certificate: Path, key: Path, contexts: Callable[[], Iterable[ssl.SSLContext]]) -> None:
        """``contexts``: those that show the certificate, asked each time it has changed."""
        self._pairs.append(_Pair(certificate, key, contexts, state_of(certificate)))

    def check(self) -> None:
        """Take up what has changed since the last look. What does not fit together is looked at again later."""
        for pair in self._pairs:
            state = state_of(pair.certificate)
            if state == pair.seen or state == GONE:
                continue
            try:
                change_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair.certificate, pair.key)  # do they fit?
                for context in pair.contexts():
                    change_certificate(context, pair.certificate, pair.key)
            except (OSError, ssl.SSLError) as problem:  # the key is written before the certificate
                log.warning("certificate not taken up yet", file=str(pair.certificate), why=str(problem))
                continue
            pair.seen = state
            log.info("certificate taken up", file=str(pair.certificate))
