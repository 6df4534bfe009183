"""Audit events on their way to an administrator's server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from podo.apiserver.audit import webhook
from podo.apiserver.audit.webhook import Webhook
from podo.client.kubeconfig import Access


class Receiver(BaseHTTPRequestHandler):
    codes: list[int] = []
    bodies: list[bytes] = []
    tokens: list[str | None] = []
    arrived = threading.Semaphore(0)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.tokens.append(self.headers["Authorization"])
        self.send_response(self.codes.pop(0) if self.codes else 200)
        self.end_headers()
        self.arrived.release()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def receiving(*codes: int) -> Iterator[Webhook]:
    Receiver.codes, Receiver.bodies, Receiver.tokens = list(codes), [], []
    Receiver.arrived = threading.Semaphore(0)
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hook = Webhook(Access(f"http://127.0.0.1:{server.server_port}/audit", None, "pass"))
    hook.start()
    try:
        yield hook
    finally:
        hook.stop()
        server.shutdown()
        server.server_close()


def test_events_arrive_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSE_SECONDS", 0.001)
    with receiving(503) as hook:
        hook([b'{"auditID":"1"}', b'{"auditID":"2"}'])
        assert Receiver.arrived.acquire(timeout=60) and Receiver.arrived.acquire(timeout=60)
        hook.stop()
    again = orjson.loads(Receiver.bodies[-1])
    assert again["kind"] == "EventList" and [one["auditID"] for one in again["items"]] == ["1", "2"]
    assert Receiver.tokens == ["Bearer pass"] * len(Receiver.bodies) and hook.given_up == 0


def test_what_is_refused_is_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MOST_WAITING", 3)
    with receiving(400) as hook:
        hook([b"{}"] * 5)
        hook.stop()
    assert hook.given_up == 5 and len(Receiver.bodies) == 1
