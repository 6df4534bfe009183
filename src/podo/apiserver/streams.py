"""A watch as an HTTP response, or as messages of a WebSocket: frames as they come, with back-pressure, and an ERROR
event where it ends early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from podo.api.encoding import PROTOBUF, YAML
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Kind
from podo.apiserver import protobuf_writing
from podo.apiserver.answers import warning_headers
from podo.apiserver.backend import Backend
from podo.apiserver.events import Frames, error_frame
from podo.apiserver.extension.conversion import AT_ONCE, shown_events
from podo.apiserver.fairness.watchcost import Stay
from podo.apiserver.fanout import Batch, Outlet, WatchEvent
from podo.apiserver.metrics.page import Tally
from podo.apiserver.parameters import watch_options
from podo.apiserver.resources import Exchange
from podo.apiserver.selection import Selection
from podo.apiserver.table import ObjectForm, TableForm, object_form
from podo.apiserver.verbs.watch import BEHIND, Opened, open_watch
from podo.http import websocket
from podo.http.message import Disconnected, Request, Streaming, Tunnel, Upgrade, Writer
from podo.runtime.tasks import within

#: A watcher with more bytes than this unread is waited for; the store's history holds what it has yet to read.
HIGH_WATER = 256 * 1024
#: One that takes nothing for so long is cut; it will watch again from where it was.
PATIENCE_SECONDS = 30.0


async def watch_response(backend: Backend, frames: Frames, exchange: Exchange) -> Streaming | Upgrade:
    """Raises what ``open_watch`` raises before anything is sent."""
    call = exchange.call
    options = watch_options(exchange.query)
    if call.name:
        pinned = f"metadata.name={call.name}"
        options = replace(options, fields=f"{options.fields},{pinned}" if options.fields else pinned)
    if exchange.form.media == YAML:
        raise ApiError("NotAcceptable", "only the following media types are accepted: application/json;stream=watch")
    form = object_form(exchange.form, exchange.include)
    opened = open_watch(backend, call, options)
    tally = backend.metrics.tally(call.kind.group, call.kind.version, call.kind.plural)

    async def produce(writer: Writer) -> None:
        converts = call.kind in backend.converting
        parts = (backend, frames, call.kind, form, writer, tally)
        output = _Converting(opened.selection, *parts) if converts else _Output(*parts)
        try:
            await _send(opened, output, call.stay)
        except (Disconnected, TimeoutError):
            pass
        except ApiError as error:
            writer.write(error_frame(call.kind, form, error.status()))
        finally:
            if call.stay is not None:
                call.stay.over()

    is_binary = exchange.form.media == PROTOBUF
    if websocket.is_wanted(exchange.request):
        return _messages(exchange.request, produce, is_binary)
    headers = warning_headers(call.warnings) if call.warnings else ()
    media = protobuf_writing.STREAM if is_binary else "application/json"
    return Streaming(produce, content_type=media, headers=headers)


def _messages(request: Request, produce: Callable[[Writer], Awaitable[None]], is_binary: bool) -> Upgrade:
    """Each event a message: text where it is JSON. A watch speaks whatever subprotocol the client offers first."""
    try:
        protocol = websocket.agreed(request, websocket.offered(request))
    except websocket.NoAgreement as refused:
        raise bad_request(str(refused)) from None
    split = protobuf_writing.unframed if is_binary else bytes.splitlines

    async def run(tunnel: Tunnel) -> None:
        await websocket.serve(tunnel, request, protocol, produce, split, text=not is_binary)

    return Upgrade(run)


async def _send(opened: Opened, output: _Output, stay: Stay | None) -> None:
    async for batch in opened.initial():
        if not output.put(batch):
            await output.room()
    if stay is not None:
        stay.begun()
    feed = opened.feed(output)
    try:
        feed.resume()
        while (step := await feed.next()) is not None:
            if isinstance(step, Batch):
                output.put(step)
            elif step is BEHIND:
                await output.room()
                feed.resume()
    finally:
        feed.close()


class _Output(Outlet):
    """Events to frames to the connection. What leaves in one form on one connection leaves together."""

    __slots__ = ("_ahead", "_backend", "_form", "_frames", "_headed", "_kind", "_name", "_tally", "_writer", "lane")

    def __init__(
        self, backend: Backend, frames: Frames, kind: Kind, form: ObjectForm, writer: Writer, tally: Tally
    ) -> None:
        self._backend = backend
        self._frames = frames
        self._kind = kind
        self._form = form
        self._name = form.name
        self._headed = isinstance(form, TableForm) and form.headed
        self._writer = writer
        self._tally = tally
        self._ahead = 0  # bytes that wait to be sent, at most: all that were written since they were counted
        together = writer.together
        self.lane: object = writer if together is None or self._headed else (together, form.name)

    def put(self, batch: Batch) -> bool:
        """Send a batch; False when the client is slow to take what it has."""
        if self._headed:
            return self._put_head(batch)
        self._tally.events += len(batch.events)
        line = batch.lines.get(self._name) or batch.line(self._name, self._frame)
        self._writer.write(line)
        self._ahead += len(line)
        return self._ahead <= HIGH_WATER or self._recount() <= HIGH_WATER

    def _recount(self) -> int:
        self._ahead = self._writer.buffered
        return self._ahead

    def put_each(self, outlets: Sequence[_Output], batch: Batch) -> Sequence[_Output]:
        together = self._writer.together
        if together is None or len(outlets) == 1:
            return super().put_each(outlets, batch)
        self._tally.events += len(batch.events) * len(outlets)
        line = batch.lines.get(self._name) or batch.line(self._name, self._frame)
        together.write_each([one._writer for one in outlets], line)
        size = len(line)
        for one in outlets:
            one._ahead += size
        return [one for one in outlets if one._ahead > HIGH_WATER and one._recount() > HIGH_WATER]

    def _put_head(self, batch: Batch) -> bool:
        """The first row of a Table comes with the columns' names."""
        form = self._form
        assert isinstance(form, TableForm)
        self._tally.events += 1
        self._writer.write(self._frame(batch.events[0]))
        self._form = replace(form, name=form.name + "/bare", headed=False)
        self._name, self._headed = self._form.name, False
        return len(batch.events) == 1 or self.put(Batch(batch.events[1:]))

    def _frame(self, event: WatchEvent) -> bytes:
        return self._frames.frame(self._kind, event, self._form, self._backend.clock.now())

    async def room(self) -> None:
        """Wait for the client. Raises TimeoutError for one that takes nothing, Disconnected for one that is gone."""
        await within(PATIENCE_SECONDS, self._writer.drain())


class _Converting(_Output):
    """Likewise where a webhook has to be asked: a batch waits until there is room, and is converted and selected
    then."""

    __slots__ = ("_selection", "_waiting")

    def __init__(self, selection: Selection, *parts: Any) -> None:
        super().__init__(*parts)
        self.lane = self._writer
        self._selection = selection
        self._waiting: list[WatchEvent] = []

    def put(self, batch: Batch) -> bool:
        if all(event.record is None for event in batch.events):
            return super().put(batch)
        self._waiting += batch.events
        return False

    async def room(self) -> None:
        while self._waiting:
            part = self._waiting[:AT_ONCE]
            del self._waiting[:AT_ONCE]
            shown = await shown_events(self._backend, self._selection, part)
            if shown:
                super().put(Batch(shown))
            await super().room()
        await super().room()
