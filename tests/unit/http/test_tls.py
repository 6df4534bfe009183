"""Connections by TLS: who the client is, HTTP over it, and a certificate changed while serving."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from podo.authn.clientcert import authenticate
from podo.http.client import HttpPool, NoAnswer
from podo.http.message import Request, Response
from podo.http.server import HttpServer
from podo.http.tls import change_certificate, client_context, server_context
from podo.runtime.loop import run
from tests.pki import Pki

Run = Callable[[Awaitable[Any]], Any]


@pytest.fixture(params=["uvloop", "asyncio"])
def go(request: pytest.FixtureRequest) -> Run:
    return lambda main: run(asyncio.wait_for(main, 120), uvloop=request.param == "uvloop")


async def who(request: Request) -> Response:
    user = authenticate(request.peer.certificate, request.peer.notes)
    body = await request.body(64 << 20)
    return Response(200, [f"{user.name} {','.join(user.groups)} ".encode() if user else b"nobody ", body])


def test_a_client_may_show_a_certificate(go: Run, pki: Pki) -> None:
    async def main() -> None:
        server = HttpServer(who)
        context = server_context(*pki.issue("server"), client_ca=pki.ca)
        port = await server.listen("127.0.0.1", 0, tls=context)
        certificate, key = pki.issue("alice", "system:masters")
        alice = HttpPool("127.0.0.1", port, tls=client_context(ca=pki.ca, certificate=certificate, key=key))
        nobody = HttpPool("127.0.0.1", port, tls=client_context(ca=pki.ca))
        for _ in range(2):
            answer = await alice.request("GET", "/")
            assert answer.body == b"alice system:masters,system:authenticated "
            assert (await nobody.request("GET", "/")).body == b"nobody "
        big = b"x" * 3_000_000
        assert (await nobody.request("POST", "/", body=big)).body == b"nobody " + big
        alice.close()
        nobody.close()
        await server.stop(1.0)

    go(main())


def test_a_server_may_demand_a_certificate(go: Run, pki: Pki) -> None:
    async def main() -> None:
        server = HttpServer(who)
        context = server_context(*pki.issue("server"), client_ca=pki.ca, require_client=True)
        port = await server.listen("127.0.0.1", 0, tls=context)
        nobody = HttpPool("127.0.0.1", port, tls=client_context(ca=pki.ca))
        with pytest.raises(NoAnswer):
            await nobody.request("GET", "/", seconds=5)
        await server.stop(1.0)

    go(main())


def test_a_changed_certificate_is_shown_to_new_connections(go: Run, pki: Pki) -> None:
    async def main() -> None:
        server = HttpServer(who)
        context = server_context(*pki.issue("first"))
        port = await server.listen("127.0.0.1", 0, tls=context)

        async def shown() -> bytes:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(ca=pki.ca))
            found: ssl.SSLObject = writer.get_extra_info("ssl_object")
            writer.close()
            return found.getpeercert(True) or b""

        first = await shown()
        change_certificate(context, *pki.issue("second"))
        second = await shown()
        assert first != second and b"second" in second
        await server.stop(1.0)

    go(main())


def test_a_server_of_another_authority_is_not_trusted(go: Run, pki: Pki, tmp_path: Any) -> None:
    async def main() -> None:
        server = HttpServer(who)
        port = await server.listen("127.0.0.1", 0, tls=server_context(*Pki(tmp_path).issue("server")))
        with pytest.raises(NoAnswer, match="certificate verify failed"):
            await HttpPool("127.0.0.1", port, tls=client_context(ca=pki.ca)).request("GET", "/")
        await server.stop(1.0)

    go(main())


def test_a_client_that_hears_nothing_does_not_hold_up_the_stop(go: Run, pki: Pki) -> None:
    def ask_and_sleep(port: int) -> ssl.SSLSocket:
        """As a program with an idle connection in its pool: nobody reads the end of it."""
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        asking = client_context(ca=pki.ca).wrap_socket(raw, server_hostname="127.0.0.1")
        asking.sendall(b"GET / HTTP/1.1\r\nHost: it\r\n\r\n")
        assert asking.recv(1000).endswith(b"nobody ")
        return asking

    async def main() -> None:
        server = HttpServer(who)
        port = await server.listen("127.0.0.1", 0, tls=server_context(*pki.issue("server")))
        asking = await asyncio.to_thread(ask_and_sleep, port)
        began = asyncio.get_running_loop().time()
        await server.stop(60)
        assert asyncio.get_running_loop().time() - began < 30, "a second, not the deadline"
        assert server.connections == 0
        asking.close()

    go(main())
