"""How long a server's event loop leaves its clients without an answer: a thread asks for its health again and again."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path

from bench.cluster import Cluster

EVERY, RETRY = 0.02, 0.1
#: Longer than any pause that is to be measured.
PATIENCE = 120.0


@dataclass
class Longest:
    """Of the questions since the last look. ``wall``: seconds until an answer; ``cpu``: seconds that the loop's thread
    worked before it gave one, which another load of the machine does not lengthen. They may be of two questions.
    ``lost``: questions without an answer, which ended their connection."""

    wall: float = 0.0
    cpu: float = 0.0
    lost: int = 0


class Pauses:
    """A context: asks as soon as the server listens, until the end. ``/livez`` needs neither certificate nor store."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._longest = Longest()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pauses", daemon=True)

    def __enter__(self) -> Pauses:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def take(self) -> Longest:
        """The longest since this was called last."""
        found, self._longest = self._longest, Longest()
        return found

    def _run(self) -> None:
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        answered = False
        while not self._ended.wait(RETRY):
            connection = HTTPSConnection("127.0.0.1", self._cluster.port, context=anyone, timeout=PATIENCE)
            try:
                connection.connect()
                answered = True
                self._ask(connection, Path(f"/proc/{self._cluster.pids()['server']}/schedstat"))
            except (OSError, HTTPException):
                self._longest.lost += answered
            finally:
                connection.close()

    def _ask(self, connection: HTTPSConnection, spent: Path) -> None:
        while not self._ended.wait(EVERY):
            began, before = time.perf_counter(), _seconds(spent)
            connection.request("GET", "/livez")
            connection.getresponse().read()
            longest = self._longest
            longest.wall = max(longest.wall, time.perf_counter() - began)
            longest.cpu = max(longest.cpu, _seconds(spent) - before)


def _seconds(spent: Path) -> float:
    """CPU time of a process's first thread."""
    return int(spent.read_text().split()[0]) / 1e9
