"""A watch as an HTTP response: frames as they come, with back-pressure, and an ERROR event where it ends early."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from podo.api.errors import ApiError
from podo.apiserver.backend import Backend
from podo.apiserver.events import Frames, error_line
from podo.apiserver.negotiate import YAML
from podo.apiserver.parameters import watch_options
from podo.apiserver.resources import Exchange
from podo.apiserver.table import ObjectForm, TableForm, object_form
from podo.apiserver.verbs.watch import WatchEvent, open_watch
from podo.http.message import Disconnected, Streaming, Writer
from podo.runtime.tasks import within

#: A watcher with more bytes than this unread is waited for; the store's history holds what it has yet to read.
HIGH_WATER = 256 * 1024
#: One that takes nothing for so long is cut; it will watch again from where it was.
PATIENCE_SECONDS = 30.0


async def watch_response(backend: Backend, frames: Frames, exchange: Exchange) -> Streaming:
    """Raises what ``open_watch`` raises before anything is sent."""
    call = exchange.call
    options = watch_options(exchange.query)
    if call.name:
        pinned = f"metadata.name={call.name}"
        options = replace(options, fields=f"{options.fields},{pinned}" if options.fields else pinned)
    if exchange.form.media == YAML:
        raise ApiError("NotAcceptable", "only the following media types are accepted: application/json;stream=watch")
    form = object_form(exchange.form, exchange.include)
    events = await open_watch(backend, call, options)

    async def produce(writer: Writer) -> None:
        try:
            await _send(backend, frames, exchange, events, form, writer)
        except Disconnected:
            pass
        finally:
            await events.aclose()

    return Streaming(produce)


async def _send(
    backend: Backend,
    frames: Frames,
    exchange: Exchange,
    events: AsyncGenerator[list[WatchEvent], None],
    form: ObjectForm,
    writer: Writer,
) -> None:
    kind, clock = exchange.call.kind, backend.clock
    try:
        async for batch in events:
            if writer.closed:
                return
            lines = []
            for event in batch:
                lines.append(frames.frame(kind, event, form, clock.now()))
                if isinstance(form, TableForm) and form.headed:
                    form = replace(form, name=form.name + "/bare", headed=False)
            writer.write_all(lines)
            if writer.buffered > HIGH_WATER:
                await within(PATIENCE_SECONDS, writer.drain())
    except TimeoutError:
        return
    except ApiError as error:
        writer.write(error_line(error.status()))
