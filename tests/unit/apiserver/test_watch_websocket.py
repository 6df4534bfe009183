"""A watch by WebSocket: each event one message, in every form, until its time is over or the client closes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from podo.http.message import Response
from podo.http.server import HttpServer
from tests.unit.apiserver.world import TABLE, World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"
TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88


class Socket:
    """A client that reads messages; ``head`` is the answer's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self.reader, self.writer, self.head = reader, writer, head

    async def message(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return first, await self.reader.readexactly(size)

    async def event(self) -> dict[str, Any]:
        kind, text = await self.message()
        assert kind == TEXT
        found = orjson.loads(text)
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        self.writer.write(bytes((CLOSE, 0x80)) + b"\0\0\0\0")


@asynccontextmanager
async def watching(world: World, target: str, **headers: str) -> AsyncIterator[Socket]:
    """As the default service account, by its token in the subprotocols."""
    server = HttpServer(world.server.handle)
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.listen("127.0.0.1", 0))
    lines = [f"GET {target} HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        yield Socket(reader, writer, (await reader.readuntil(b"\r\n\r\n")).decode())
    finally:
        writer.close()
        await server.stop(0.5)


async def protocols(world: World) -> str:
    """What a browser offers that has a token: of an account that may read pods."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    rbac, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    await world.client.create({"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": "r"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    binding = {"apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": {"name": "r"}}
    await world.client.create({**binding, "roleRef": reference, "subjects": [subject]})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    code, made = await world.ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", body)
    assert code == 201, made
    token = base64.urlsafe_b64encode(made["status"]["token"].encode()).decode().rstrip("=")
    return f"base64url.bearer.authorization.k8s.io.{token}, base64.binary.k8s.io"


def test_each_event_is_a_message() -> None:
    async def test(world: World) -> None:
        offered = await protocols(world)
        await world.client.create(pod("a"))
        async with watching(world, f"{PODS}?watch=true", sec_websocket_protocol=offered) as socket:
            assert socket.head.startswith("HTTP/1.1 101") and "Protocol: base64.binary.k8s.io\r\n" in socket.head
            first = await socket.event()
            assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
            await asyncio.gather(*(world.client.create(pod(name)) for name in "bcd"))
            assert {(await socket.event())["object"]["metadata"]["name"] for _ in range(3)} == set("bcd")
            socket.close()
            assert (await socket.message())[0] == CLOSE
            assert await socket.reader.read() == b""
        while world.server.backend.fanout.watchers():
            await asyncio.sleep(0.001)

    in_world(test)


def test_tables_metadata_and_protobuf_and_the_end_of_its_time() -> None:
    async def test(world: World) -> None:
        offered = await protocols(world)
        await world.client.create(pod("a"))
        target = f"{PODS}?watch=true&timeoutSeconds=1"
        partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        binary = "application/vnd.kubernetes.protobuf;stream=watch"

        async def first(accept: str) -> tuple[int, bytes]:
            async with watching(world, target, accept=accept, sec_websocket_protocol=offered) as socket:
                found = await socket.message()
                assert (await socket.message()) == (CLOSE, (1000).to_bytes(2, "big"))
                return found

        (_, table), (_, metadata), (kind, message) = await asyncio.gather(first(TABLE), first(partial), first(binary))
        assert orjson.loads(table)["object"]["rows"][0]["cells"][0] == "a"
        assert orjson.loads(metadata)["object"]["kind"] == "PartialObjectMetadata"
        assert kind == BINARY and message.startswith(b"\x0a\x05ADDED") and b"k8s\0" in message

    in_world(test)


def test_refusals_are_answers_of_http() -> None:
    async def test(world: World) -> None:
        async with watching(world, f"{PODS}?watch=true") as socket:
            assert socket.head.startswith("HTTP/1.1 403")
        offered = await protocols(world)
        async with watching(world, f"{PODS}?watch=true&labelSelector=a(", sec_websocket_protocol=offered) as socket:
            assert socket.head.startswith("HTTP/1.1 400")
        for bad in (
            f"{offered.split(',')[0]}x, v1",
            offered.split(",")[0],
            "base64url.bearer.authorization.k8s.io.%, v1",
        ):
            async with watching(world, f"{PODS}?watch=true", sec_websocket_protocol=bad) as socket:
                assert socket.head.startswith("HTTP/1.1 401"), bad
        found = await world.answer(
            "GET", f"{PODS}?watch=true", connection="Upgrade", upgrade="websocket", sec_websocket_version="8"
        )
        assert isinstance(found, Response) and found.status == 400

    in_world(test)
