"""What an HTTP/2 connection needs of a library: bytes in, events out; answers in, bytes out. No sockets, no clock.

``engine_ngh2`` (libnghttp2) is used where it can be imported, ``engine_h2`` (pure Python) elsewhere; both pass the
same tests.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from podo.http.limits import Limits

Fields = Sequence[tuple[bytes, bytes]]

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 1, 2, 7, 8, 11  # RFC 9113, 7

#: Bytes that a client may send of one body, and of all bodies of a connection, before they are taken.
STREAM_WINDOW = 128 * 1024
CONNECTION_WINDOW = 1024 * 1024


class Broken(Exception):
    """The connection cannot go on. ``farewell``: what to send before it ends."""

    def __init__(self, why: str, farewell: bytes = b"") -> None:
        super().__init__(why)
        self.farewell = farewell


def farewell(code: int) -> bytes:
    """A GOAWAY frame that says nothing of streams: the last one that may have been processed is the last there is."""
    return b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + struct.pack(">II", 0x7FFFFFFF, code)


@dataclass(frozen=True, slots=True)
class Asked:
    """The head of a request. ``ended``: it has no body."""

    stream: int
    fields: Fields
    ended: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a body, and whether it ends with that. Trailers are an end without bytes."""

    stream: int
    data: bytes
    ended: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """The stream is over, in order or not: nothing more can be sent on it."""

    stream: int


@dataclass(frozen=True, slots=True)
class Noise:
    """Something that costs us more than the other end and is no request: a ping, new settings, a reset."""


@dataclass(frozen=True, slots=True)
class Over:
    """The connection is over: send what ``send`` still gives, and close."""


Event = Asked | Piece | Gone | Noise | Over


class Engine(Protocol):
    """The server's side of one connection. Every stream is named by its number."""

    def receive(self, data: bytes) -> list[Event]:
        """Raises Broken."""

    def send(self, most: int) -> bytes:
        """Up to ``most`` bytes for the socket, as far as the client's windows allow; b"" if there are none. Raises
        Broken."""

    def events(self) -> list[Event]:
        """What came of ``send``: streams that are over."""

    def respond(self, stream: int, fields: Fields, ended: bool) -> None:
        """The head of an answer. ``fields`` begins with ``:status``. Nothing happens on a stream that is over."""

    def body(self, stream: int, data: bytes, ended: bool) -> None:
        """More of an answer."""

    def body_of_each(self, streams: Sequence[int], data: bytes) -> None:
        """``body`` of each of the streams, which do not end with it."""

    def queued(self, stream: int) -> int:
        """Bytes of an answer that wait for the client's windows or the socket."""

    def taken(self, stream: int, size: int) -> None:
        """The handler has taken this much of a body: the client may send as much again."""

    def reset(self, stream: int, code: int) -> None: ...

    def ping(self) -> None: ...

    def last_call(self) -> None:
        """Tell the client to open no more streams here (GOAWAY, without an end)."""

    def goodbye(self, code: int) -> None:
        """Tell the client that the connection ends."""


def make_engine(limits: Limits) -> Engine:
    """The quickest there is, greeted: ``send`` gives the server's preface."""
    try:
        from podo.http.engine_ngh2 import Ngh2Engine
    except ImportError:
        from podo.http.engine_h2 import H2Engine

        return H2Engine(limits)
    return Ngh2Engine(limits)
