"""Connections to an extension API server are kept for the next request, and given up where they turn out to be dead."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from podo.http.message import Response, Streaming
from podo.http.tls import server_context
from tests.pki import Pki
from tests.unit.apiserver.aggregation.extensionserver import Extension
from tests.unit.apiserver.aggregation.test_aggregation import FLUNDERS, post, with_extension
from tests.unit.apiserver.world import World, Written, text_of

SLICE = "/discovery.k8s.io/endpointslices/default/api-1"


@pytest.fixture(scope="module")
def pkis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pki, Pki]:
    return Pki(Path(tmp_path_factory.mktemp("serving"))), Pki(Path(tmp_path_factory.mktemp("front")))


def test_one_after_the_other_they_take_one_connection(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        for name in "abc":
            assert (await post(world, {"metadata": {"name": name}})).status == 201
            assert (await world.ask("GET", FLUNDERS))[0] == 200
            head = await world.answer("HEAD", FLUNDERS)
            assert isinstance(head, Streaming) and head.status == 200
            await head.produce(Written())
        assert len(extension.seen) == 9 and len(extension.peers) == 1

    with_extension(pkis, test)


def test_each_watch_has_its_own_and_takes_it_along(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        watch = await world.answer("GET", f"{FLUNDERS}?watch=true")
        assert isinstance(watch, Streaming)
        reading = asyncio.ensure_future(watch.produce(Written()))
        for _ in range(3):
            await world.ask("GET", FLUNDERS)
        assert len(extension.peers) == 2
        reading.cancel()
        while extension.watches:
            await asyncio.sleep(0.001)
        await world.ask("GET", FLUNDERS)
        assert len(extension.peers) == 2

    with_extension(pkis, test)


class Fickle:
    """Answers the first request of each connection; where another comes, it closes. ``ends``: at once, too."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.ends = False

    @property
    def asked(self) -> int:
        """Requests for flunders: the server also asks for documents."""
        return sum(b"/flunders" in head for head in self.heads)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            if not self.ends:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()


@asynccontextmanager
async def moved(world: World, serving: Pki) -> AsyncIterator[Fickle]:
    """The endpoints of the extension lead to a fickle server from now on."""
    fickle = Fickle()
    certificate, key = serving.issue("fickle", also=["api.default.svc"])
    server = await asyncio.start_server(fickle.serve, "127.0.0.1", 0, ssl=server_context(certificate, key))
    record = await world.store.get(SLICE)
    assert record is not None
    slices = orjson.loads(record.value)
    slices["ports"][0]["port"] = server.sockets[0].getsockname()[1]
    await world.store.update(SLICE, orjson.dumps(slices), expected=record.revision)
    try:
        yield fickle
    finally:
        server.close()


def test_what_may_be_asked_twice_is(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        async with moved(world, pkis[0]) as fickle:
            assert (await world.ask("GET", FLUNDERS))[0] == 200
            assert (await world.ask("GET", FLUNDERS))[0] == 200
            assert fickle.asked == 3
            refused = await post(world, {"metadata": {"name": "a"}})  # it may have been done
            assert isinstance(refused, Response)
            assert refused.status == 503 and b"error trying to reach service" in text_of(refused)
            assert fickle.asked == 4

    with_extension(pkis, test)


def test_one_that_has_closed_is_not_taken(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        async with moved(world, pkis[0]) as fickle:
            fickle.ends = True
            assert (await world.ask("GET", FLUNDERS))[0] == 200
            for _ in range(50):  # until its end has come: nothing tells of it
                await asyncio.sleep(0.001)
            assert (await post(world, {"metadata": {"name": "a"}})).status == 200
            assert fickle.asked == 2

    with_extension(pkis, test)
