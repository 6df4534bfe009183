"""Audit events handed on to a server of the administrator: batches of an EventList, posted from a thread of its own.

The server is named by a kubeconfig file, as upstream has it. What cannot be delivered in three attempts, or waits
behind too much else, is given up and counted: the file has it.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from podo.client.kubeconfig import Access
from podo.runtime.log import Logger

ATTEMPTS, PAUSE_SECONDS, TIMEOUT_SECONDS = 3, 0.5, 10.0
BATCH, MOST_WAITING = 400, 10_000
STOP_SECONDS = 5.0
_HEAD = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
log = Logger("podo.audit")


class Webhook:
    """A ``journal.Take``. ``start`` and ``stop`` it beside the journal. ``given_up`` counts events."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._wanted = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.given_up = 0

    def __call__(self, lines: Sequence[bytes]) -> None:
        with self._wanted:
            room = max(MOST_WAITING - len(self._waiting), 0)
            self._waiting.extend(lines[:room])
            self.given_up += len(lines[room:])
            self._wanted.notify()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="podo-audit-webhook", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Blocks, ``STOP_SECONDS`` at most."""
        with self._wanted:
            self._stopping.set()
            self._wanted.notify()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while True:
            with self._wanted:
                while not (self._waiting or self._stopping.is_set()):
                    self._wanted.wait()
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not batch:
                return
            self._deliver(batch)

    def _deliver(self, batch: list[bytes]) -> None:
        body = _HEAD + b",".join(batch) + b"]}"
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt and self._stopping.wait(PAUSE_SECONDS * 2**attempt):
                break
            try:
                code = self._post(body)
            except (OSError, HTTPException) as failure:
                why = str(failure) or type(failure).__name__
                continue
            if code < 300:
                return
            why = f"it answered {code}"
            if code < 500 and code != 429:
                break
        self.given_up += len(batch)
        log.error("audit events do not reach the webhook", server=self._access.server, why=why, events=len(batch))

    def _post(self, body: bytes) -> int:
        url = urlsplit(self._access.server)
        connection: HTTPConnection
        if url.scheme == "https":
            tls = self._access.tls or ssl.create_default_context()
            connection = HTTPSConnection(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS, context=tls)
        else:
            connection = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/json"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        try:
            connection.request("POST", f"{url.path or '/'}{'?' + url.query if url.query else ''}", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()
