"""One HTTP/2 connection of a server: frames to streams by an engine, answers of all streams to one write a loop turn.

What one client can make of us is bounded here and in the engine: streams, handlers under way, bytes of bodies (by
windows), pings, settings and resets (by a bucket), silence (by pings and deadlines).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import cast

from podo.http.engine import (
    CALM,
    NO_ERROR,
    Asked,
    Broken,
    Engine,
    Event,
    Gone,
    Noise,
    Over,
    Piece,
    farewell,
    make_engine,
)
from podo.http.head_h2 import parse
from podo.http.keepalive import keep_alive
from podo.http.request import ArrivingRequest
from podo.http.serving import Home, Refused, log, peer_of
from podo.http.stream_h2 import LOW_WATER, H2Stream
from podo.http.writer import Gate

#: Bytes given to the transport at once, and how often in one loop turn.
_WRITE = 256 * 1024
_WRITES = 4
NEVER = float("inf")


class H2Connection(asyncio.Protocol):
    """A ``stream_h2.Carrier``."""

    def __init__(self, home: Home, engine: Engine | None = None) -> None:
        self._home = home
        self.limits = home.limits
        self.handler = home.handler
        self.engine: Engine = engine or make_engine(home.limits)
        self._loop = asyncio.get_running_loop()
        self._gate = Gate()
        self._transport: asyncio.Transport
        self._streams: dict[int, H2Stream] = {}
        self._held: dict[int, H2Stream] = {}  # streams with a writer that waits
        self._timed: dict[int, H2Stream] = {}  # streams that wait for their client
        self._handlers: set[H2Stream] = set()  # also of streams that were reset
        self.marked = False
        self._finishing = False
        self._closing = False
        self._noise = 0.0  # a bucket that leaks
        self._noise_at = 0.0
        self._heard = 0.0  # loop time of the last bytes
        self._pinged = False
        self._quiet_since = 0.0  # loop time since which there are no streams
        self._paused_at = NEVER
        self.deadline = NEVER

    @property
    def stopping(self) -> bool:
        return self._home.stopping

    # -- what the transport tells ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = peer_of(transport)
        keep_alive(transport)
        if not self._home.opened(self):
            self._transport.abort()
            return
        self._quiet_since = self._noise_at = self._loop.time()
        self.deadline = self._quiet_since + self.limits.head_seconds  # it is expected to say something
        self.mark()

    def data_received(self, data: bytes) -> None:
        if self._gate.lost:
            return
        if not self._heard:
            self.deadline = self._loop.time() + self._step
        self._heard = self._home.now or self._loop.time()
        self._pinged = False
        try:
            self._take(self.engine.receive(data))
        except Broken as broken:
            self._break(broken)
            return
        self.mark()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.closed(self)
        self.deadline = NEVER
        self._gate.lose()
        for number in list(self._streams):
            self._gone(number)

    def pause_writing(self) -> None:
        self._gate.pause()
        self._paused_at = self._loop.time()

    def resume_writing(self) -> None:
        self._gate.open()
        self._paused_at = NEVER
        self.mark()

    # -- what the server tells ---------------------------------------------------------------------------------------

    @property
    def _step(self) -> float:
        """Seconds between two looks at what is late."""
        limits = self.limits
        shortest = min(limits.body_seconds, limits.idle_seconds, limits.linger_seconds, limits.stall_seconds)
        return min(5.0, shortest / 5)

    def expire(self) -> None:
        now = self._loop.time()
        self.deadline = now + self._step
        limits = self.limits
        if self._closing or not self._heard or now - self._paused_at > limits.stall_seconds:
            self._transport.abort()
        elif not self._streams and now - self._quiet_since > limits.idle_seconds:
            self._say_goodbye()
        elif self._streams and now - self._heard > limits.ping_seconds:
            self._ping(now)
        for stream in [one for one in self._timed.values() if one.deadline < now]:
            self._late(stream)

    def _ping(self, now: float) -> None:
        if self._pinged and now - self._heard > 2 * self.limits.ping_seconds:
            self._transport.abort()
        elif not self._pinged:
            self._pinged = True
            self.engine.ping()
            self.mark()

    def _late(self, stream: H2Stream) -> None:
        """A body does not come, an answer is not read, or the rest of an unread body does not end."""
        del self._timed[stream.number]
        request = stream.request
        if request and request.waiting and not stream.gate.paused:
            request.lose()
            self._refuse(stream, Refused(408, "the body of the request did not arrive in time"))
        else:
            self.engine.reset(stream.number, NO_ERROR if stream.answered else CALM)
            self._gone(stream.number)
            self.mark()

    def finish(self) -> None:
        self._finishing = True
        self.engine.last_call()
        for stream in list(self._streams.values()):
            if stream.streaming and stream.task:
                stream.task.cancel()
        self.mark()
        self._end_if_done()

    @property
    def answering(self) -> bool:
        return bool(self._streams)

    def abort(self) -> None:
        for stream in self._handlers:
            if stream.task:
                stream.task.cancel()
        self._transport.abort()

    def _end_if_done(self) -> None:
        if self._finishing and not self._streams:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self.engine.goodbye(NO_ERROR)
        self._flush()
        self._close()

    def _close(self) -> None:
        """Send what is written, and end; a client that does not read it is not waited for."""
        self._closing = True
        self.deadline = self._loop.time() + self.limits.linger_seconds
        self._transport.close()

    # -- events ------------------------------------------------------------------------------------------------------

    def _take(self, events: list[Event]) -> None:
        asked: list[H2Stream] = []
        for event in events:
            if isinstance(event, Asked):
                if stream := self._asked(event):
                    asked.append(stream)
            elif isinstance(event, Piece):
                self._piece(event)
            elif isinstance(event, Gone):
                self._gone(event.stream)
            elif isinstance(event, Noise):
                self._count_noise()
            elif isinstance(event, Over):
                self._flush_last()
        for stream in asked:
            if not stream.gate.lost:  # and was not taken back at once
                self._start(stream)
        if len(self._handlers) > 2 * self.limits.streams:
            raise Broken("too many requests were given up", farewell(CALM))

    def _asked(self, event: Asked) -> H2Stream | None:
        stream = self._streams[event.stream] = H2Stream(self, event.stream)
        try:
            head = parse(event.fields, self.limits)
        except Refused as refused:
            self._refuse(stream, refused)
            return None
        request = ArrivingRequest(head.method, head.target, head.raw, head.headers, self._peer, "2", self._wanted)
        request.stream = event.stream
        stream.request = request
        if event.ended:
            request.end()
        return stream

    def _start(self, stream: H2Stream) -> None:
        assert stream.request is not None
        self._handlers.add(stream)
        stream.task = self._loop.create_task(stream.serve(stream.request))

    def _refuse(self, stream: H2Stream, refused: Refused) -> None:
        """Answer without a handler."""
        response = refused.response()
        body = response.body if isinstance(response.body, bytes) else b""
        self.engine.respond(stream.number, ((b":status", b"%d" % refused.code), _JSON), False)
        self.engine.body(stream.number, body, True)
        stream.answered = True
        self._linger(stream)
        self.mark()

    def _piece(self, piece: Piece) -> None:
        stream = self._streams.get(piece.stream)
        request = stream.request if stream else None
        if stream is None or request is None or stream.answered:
            self.engine.taken(piece.stream, len(piece.data))
            if stream:
                stream.unread += len(piece.data)
                if stream.unread > self.limits.unread_body:
                    self.engine.reset(stream.number, NO_ERROR)
            return
        if piece.data:
            request.feed(piece.data)
            if request.waiting:
                self._time(stream, self.limits.body_seconds)
        if piece.ended:
            request.end()
            self._timed.pop(stream.number, None)

    def _wanted(self, request: ArrivingRequest) -> None:
        """The handler of ``request`` takes its body: let as much come again as it has taken."""
        if request.expects_continue:
            request.expects_continue = False
            self.engine.respond(request.stream, ((b":status", b"100"),), False)
        if size := request.released():
            self.engine.taken(request.stream, size)
        if (stream := self._streams.get(request.stream)) and request.waiting:
            self._time(stream, self.limits.body_seconds)
        self.mark()

    def _gone(self, number: int) -> None:
        """A stream is over."""
        stream = self._streams.pop(number, None)
        self._held.pop(number, None)
        self._timed.pop(number, None)
        if stream is None:
            return
        stream.gate.lose()
        if request := stream.request:
            if not request.complete:
                request.lose()
            self.engine.taken(number, request.released(everything=True))
        if stream.streaming and stream.task:
            stream.task.cancel()
        if not self._streams:
            self._quiet_since = self._home.now or self._loop.time()
            self._end_if_done()

    def _count_noise(self) -> None:
        now = self._loop.time()
        self._noise = max(0.0, self._noise - (now - self._noise_at) * self.limits.noise_rate) + 1
        self._noise_at = now
        if self._noise > self.limits.noise_burst:
            raise Broken("too many pings, settings and resets", farewell(CALM))

    # -- sending -----------------------------------------------------------------------------------------------------

    def write_each(self, writers: Sequence[H2Stream], data: bytes) -> None:
        """A watch's events leave here: as little as can be is done for each of its streams."""
        self.engine.body_of_each([stream.number for stream in writers], data)
        self.mark()

    def mark(self) -> None:
        if not self.marked:
            self.marked = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Give the transport what it takes; what it does not waits in the engine."""
        self.marked = False
        if self._gate.lost:
            return
        try:
            for _ in range(_WRITES):
                if self._gate.paused or not (data := self.engine.send(_WRITE)):
                    break
                self._transport.write(data)
            else:
                self.mark()
            if events := self.engine.events():
                self._take(events)
        except Broken as broken:
            self._break(broken)
            return
        for stream in [one for one in self._held.values() if one.buffered <= LOW_WATER]:
            del self._held[stream.number]
            self._timed.pop(stream.number, None)
            stream.gate.open()

    def _flush_last(self) -> None:
        with contextlib.suppress(Broken):
            self._transport.write(self.engine.send(_WRITE))
        self._close()

    def _break(self, broken: Broken) -> None:
        log.debug("an HTTP/2 connection broke", peer=self._peer.address, why=str(broken))
        if broken.farewell:
            self._transport.write(broken.farewell)
        self._close()
        self._gate.lose()
        for number in list(self._streams):
            self._gone(number)

    # -- what streams tell -------------------------------------------------------------------------------------------

    def hold(self, stream: H2Stream) -> None:
        if stream.number in self._streams:
            self._held[stream.number] = stream
            self._time(stream, self.limits.stall_seconds)

    def ended(self, stream: H2Stream) -> None:
        self._handlers.discard(stream)
        if stream.number in self._streams:
            self._linger(stream)

    def _linger(self, stream: H2Stream) -> None:
        """The answer is queued: it must be read, and what is left of the request must end."""
        request = stream.request
        if request and not request.complete:
            self.engine.taken(stream.number, request.released(everything=True))
            self._time(stream, self.limits.linger_seconds)
        else:
            self._time(stream, self.limits.stall_seconds)

    def _time(self, stream: H2Stream, seconds: float) -> None:
        stream.deadline = self._loop.time() + seconds
        self._timed[stream.number] = stream


_JSON = (b"content-type", b"application/json")
