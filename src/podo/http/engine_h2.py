"""The HTTP/2 engine over h2, in pure Python: for where ngh2 has no wheel. What the windows do not take yet waits
here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from podo.http.engine import (
    CALM,
    CONNECTION_WINDOW,
    PROTOCOL_ERROR,
    STREAM_WINDOW,
    Asked,
    Broken,
    Event,
    Fields,
    Gone,
    Noise,
    Over,
    Piece,
    farewell,
)
from podo.http.limits import Limits

#: The window that RFC 9113 begins with.
_DEFAULT_WINDOW = 65_535


class _Waiting:
    """The part of an answer that is not sent yet."""

    __slots__ = ("ended", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: deque[bytes] = deque()
        self.size = 0
        self.ended = False


class H2Engine:
    """An ``engine.Engine``."""

    def __init__(self, limits: Limits) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=False)
        self._connection = h2.connection.H2Connection(config)
        codes = h2.settings.SettingCodes
        self._connection.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                codes.MAX_CONCURRENT_STREAMS: limits.streams,
                codes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                codes.MAX_HEADER_LIST_SIZE: 2 * (limits.head + limits.url),
            },
        )
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(CONNECTION_WINDOW - _DEFAULT_WINDOW)
        self._waiting: dict[int, _Waiting] = {}
        self._open: set[int] = set()  # streams whose end has not been told
        self._arriving: set[int] = set()  # of these, the ones whose request is not complete
        self._over: list[Event] = []
        self._out = b""

    def receive(self, data: bytes) -> list[Event]:
        try:
            found = self._connection.receive_data(data)
        except h2.exceptions.DenialOfServiceError:
            raise Broken("a flood", farewell(CALM)) from None
        except h2.exceptions.ProtocolError as wrong:
            raise Broken(str(wrong), self._connection.data_to_send() or farewell(PROTOCOL_ERROR)) from None
        events = self.events()
        for one in found:
            make = _EVENTS.get(type(one))
            if make:
                events += make(self, one)
        return events

    def send(self, most: int) -> bytes:
        self._pump(most)
        out = self._out + self._connection.data_to_send()
        self._out = out[most:]
        return out[:most]

    def _pump(self, most: int) -> None:
        """Give what the windows allow to the connection, a frame for each stream in turn."""
        moved = len(self._out)
        progress = True
        while progress and moved < most:
            progress = False
            for stream, waiting in list(self._waiting.items()):
                size = self._frame(stream, waiting)
                progress = progress or size > 0
                moved += size

    def _frame(self, stream: int, waiting: _Waiting) -> int:
        """Send one frame of a stream; the bytes it took, 0 for one that has to wait or has nothing."""
        connection = self._connection
        try:
            window = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size)
            if waiting.size and window <= 0:
                return 0
            if not waiting.size:
                if waiting.ended:
                    connection.end_stream(stream)
                    self._sent_whole(stream)
                return 0
            piece = waiting.pieces.popleft()
            if len(piece) > window:
                waiting.pieces.appendleft(piece[window:])
                piece = piece[:window]
            waiting.size -= len(piece)
            ends = waiting.ended and not waiting.size
            connection.send_data(stream, piece, end_stream=ends)
        except h2.exceptions.ProtocolError:  # the stream is over
            self._end(stream)
            return 0
        if ends:
            self._sent_whole(stream)
        return len(piece) + 9

    def _sent_whole(self, stream: int) -> None:
        self._waiting.pop(stream, None)
        if stream not in self._arriving:
            self._end(stream)

    def _end(self, stream: int) -> None:
        self._waiting.pop(stream, None)
        self._arriving.discard(stream)
        if stream in self._open:
            self._open.discard(stream)
            self._over.append(Gone(stream))

    def events(self) -> list[Event]:
        over, self._over = self._over, []
        return over

    def respond(self, stream: int, fields: Fields, ended: bool) -> None:
        try:
            self._connection.send_headers(stream, list(fields), end_stream=ended)
        except h2.exceptions.ProtocolError:
            return self._end(stream)
        if ended:
            self._sent_whole(stream)
        elif fields[0][1] >= b"200":
            self._waiting[stream] = _Waiting()
        return None

    def body(self, stream: int, data: bytes, ended: bool) -> None:
        waiting = self._waiting.get(stream)
        if waiting is None or waiting.ended:
            return
        if data:
            waiting.pieces.append(data)
            waiting.size += len(data)
        waiting.ended = ended

    def body_of_each(self, streams: Sequence[int], data: bytes) -> None:
        for stream in streams:
            self.body(stream, data, False)

    def queued(self, stream: int) -> int:
        waiting = self._waiting.get(stream)
        return waiting.size if waiting else 0

    def taken(self, stream: int, size: int) -> None:
        self._try(lambda: self._connection.acknowledge_received_data(size, stream))

    def reset(self, stream: int, code: int) -> None:
        self._try(lambda: self._connection.reset_stream(stream, code))
        self._end(stream)

    def ping(self) -> None:
        self._try(lambda: self._connection.ping(b"podo-h2!"))

    def last_call(self) -> None:
        self._out += self._connection.data_to_send() + farewell(0)

    def goodbye(self, code: int) -> None:
        self._try(lambda: self._connection.close_connection(code))
        self._over.append(Over())

    @staticmethod
    def _try(act: Callable[[], Any]) -> None:
        try:
            act()
        except (h2.exceptions.ProtocolError, KeyError, ValueError):
            return  # the stream or the connection is over

    # -- what h2 tells -----------------------------------------------------------------------------------------------

    def _asked(self, event: Any) -> list[Event]:
        ended = event.stream_ended is not None
        self._open.add(event.stream_id)
        if not ended:
            self._arriving.add(event.stream_id)
        return [Asked(event.stream_id, tuple((bytes(n), bytes(v)) for n, v in event.headers), ended)]

    def _data(self, event: Any) -> list[Event]:
        padding = event.flow_controlled_length - len(event.data)
        if padding:
            self.taken(event.stream_id, padding)
        if not event.data and event.stream_ended is None:
            return [Noise()]
        return [Piece(event.stream_id, bytes(event.data), False)] if event.data else []

    def _ended(self, event: Any) -> list[Event]:
        stream = event.stream_id
        if stream not in self._arriving:
            return []
        self._arriving.discard(stream)
        if stream in self._open and stream not in self._waiting and self._connection.streams[stream].closed:
            self._end(stream)
        return [Piece(stream, b"", True), *self.events()]

    def _reset(self, event: Any) -> list[Event]:
        self._end(event.stream_id)
        return [Noise(), *self.events()]


_EVENTS: dict[type, Callable[[H2Engine, Any], list[Event]]] = {
    h2.events.RequestReceived: H2Engine._asked,
    h2.events.DataReceived: H2Engine._data,
    h2.events.StreamEnded: H2Engine._ended,
    h2.events.StreamReset: H2Engine._reset,
    h2.events.PingReceived: lambda engine, event: [Noise()],
    h2.events.RemoteSettingsChanged: lambda engine, event: [Noise()],
    h2.events.PriorityUpdated: lambda engine, event: [Noise()],
    h2.events.ConnectionTerminated: lambda engine, event: [] if event.error_code == 0 else [Over()],
}
