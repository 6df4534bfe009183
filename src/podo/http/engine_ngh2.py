"""The HTTP/2 engine over ngh2, which binds libnghttp2: framing, HPACK, windows and floods are handled there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ngh2

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

#: A head takes at most this many frames of 16 KiB after its first.
_CONTINUATIONS = 10
#: (burst, a second): resets by the client, and frames that are of no use.
_RESETS = (500, 50)
_GLITCHES = (2000, 330)


class Ngh2Engine:
    """An ``engine.Engine``."""

    __slots__ = ("_connection",)

    def __init__(self, limits: Limits) -> None:
        configuration = ngh2.Configuration(
            auto_window_update=False,
            max_inbound_header_list_size=2 * (limits.head + limits.url),  # what is a little too large is answered 431
            max_inbound_header_count=4 * limits.header_count,
            max_continuations=_CONTINUATIONS,
            stream_reset_rate_limit=_RESETS,
            glitch_rate_limit=_GLITCHES,
        )
        self._connection = ngh2.Connection(ngh2.Role.SERVER, configuration)
        self._connection.initiate_connection(
            {
                ngh2.Setting.MAX_CONCURRENT_STREAMS: limits.streams,
                ngh2.Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                ngh2.Setting.MAX_HEADER_LIST_SIZE: limits.head + limits.url,
            }
        )
        self._connection.set_local_window_size(CONNECTION_WINDOW)

    def receive(self, data: bytes) -> list[Event]:
        try:
            self._connection.receive_data(data)
        except ngh2.DenialOfServiceError as flood:
            raise Broken(str(flood), farewell(CALM)) from None
        except ngh2.ConnectionStateError as closed:
            raise Broken(str(closed)) from None
        except ngh2.NGH2Error as wrong:
            raise Broken(str(wrong), farewell(PROTOCOL_ERROR)) from None
        return self.events()

    def send(self, most: int) -> bytes:
        try:
            return self._connection.data_to_send(most)
        except ngh2.NGH2Error as closed:
            raise Broken(str(closed)) from None

    def events(self) -> list[Event]:
        found = self._connection.events()
        return [event for one in found if (make := _EVENTS.get(type(one))) and (event := make(one))] if found else []

    def respond(self, stream: int, fields: Fields, ended: bool) -> None:
        try:
            self._connection.send_response(stream, fields, end_stream=ended)
        except ngh2.NGH2Error:
            return  # it was reset, or the connection ends

    def body(self, stream: int, data: bytes, ended: bool) -> None:
        try:
            self._connection.send_data(stream, data, end_stream=ended)
        except ngh2.NGH2Error:
            return

    def body_of_each(self, streams: Sequence[int], data: bytes) -> None:
        send = self._connection.send_data
        for stream in streams:
            try:
                send(stream, data)
            except ngh2.NGH2Error:
                continue

    def queued(self, stream: int) -> int:
        try:
            return self._connection.queued_body_size(stream)
        except ngh2.NGH2Error:
            return 0

    def taken(self, stream: int, size: int) -> None:
        try:
            self._connection.acknowledge_received_data(size, stream)
        except (ngh2.NGH2Error, ValueError):
            return  # the connection ends

    def reset(self, stream: int, code: int) -> None:
        try:
            self._connection.reset_stream(stream, code)
        except ngh2.NGH2Error:
            return

    def ping(self) -> None:
        self._connection.ping()

    def last_call(self) -> None:
        try:
            self._connection.send_shutdown_notice()
        except ngh2.NGH2Error:
            return

    def goodbye(self, code: int) -> None:
        try:
            self._connection.terminate_connection(code)
        except ngh2.NGH2Error:
            return


def _piece(event: ngh2.DataReceived) -> Event:
    if not event.data and not event.end_stream:
        return Noise()
    return Piece(event.stream_id, event.data, event.end_stream)


_EVENTS: dict[type, Callable[[Any], Event]] = {
    ngh2.RequestReceived: lambda event: Asked(event.stream_id, event.headers, event.end_stream),
    ngh2.DataReceived: _piece,
    ngh2.TrailersReceived: lambda event: Piece(event.stream_id, b"", True),
    ngh2.StreamClosed: lambda event: Gone(event.stream_id),
    ngh2.StreamReset: lambda event: Noise(),
    ngh2.PingReceived: lambda event: Noise(),
    ngh2.SettingsReceived: lambda event: Noise(),
    ngh2.PriorityUpdateReceived: lambda event: Noise(),
    ngh2.ConnectionClosed: lambda event: Over(),
}
