"""Calling webhooks: by URL and by Service, certificates, deadlines, redirects, and the words of each failure."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from podo.api.kind import Obj
from podo.apiserver.calling.caller import Caller
from podo.apiserver.calling.failures import CannotCall
from podo.http.message import Request, Response
from podo.http.tls import server_context
from tests.pki import Pki
from tests.unit.apiserver.calling.webhookserver import Webhook, serving
from tests.unit.apiserver.world import World, in_world

REVIEW: Obj = {"kind": "ConversionReview"}


async def echo(webhook: Webhook, request: Request) -> Response:
    return Response(200, orjson.dumps({"seen": webhook.reviews[-1], "host": request.headers["host"]}))


async def refused(caller: Caller, client: Obj, seconds: float = 5.0, **options: Any) -> str:
    with pytest.raises(CannotCall) as failure:
        await caller.call(client, REVIEW, seconds, **options)
    return str(failure.value)


def test_a_url_is_called_with_its_path_and_the_timeout_over_one_connection(pki: Pki) -> None:
    async def main(world: World) -> None:
        async with serving(pki, echo) as webhook:
            for _ in range(3):
                answer = await world.server.backend.caller.call(webhook.client("/convert"), REVIEW, 5)
                assert answer["seen"] == REVIEW
            assert webhook.paths == ["/convert?timeout=5s"] * 3
            assert len(webhook.peers) == 1

    in_world(main)


def test_a_service_is_called_at_a_ready_endpoint_under_the_name_of_the_service(pki: Pki) -> None:
    async def main(world: World) -> None:
        async with serving(pki, echo) as webhook:
            ports = [{"name": "https", "port": 443, "protocol": "TCP"}]
            metadata = {"name": "hook", "namespace": "default"}
            await world.client.create(
                {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
            )
            service = {"name": "hook", "namespace": "default", "path": "/a"}
            client: Obj = {"service": service, "caBundle": webhook.bundle}
            caller = world.server.backend.caller
            url = "https://hook.default.svc:443/a?timeout=5s"
            assert await refused(caller, client) == f'Post "{url}": no endpoints available for service "hook"'
            await world.store.create("/discovery.k8s.io/endpointslices/default/hook-1", endpoints(webhook.port))
            answer = await caller.call(client, REVIEW, 5)
            assert answer["host"] == "hook.default.svc:443"
            other = {**client, "service": {**client["service"], "port": 8443}}
            assert "no service port 8443 found for service" in await refused(caller, other)

    in_world(main)


def endpoints(port: int) -> bytes:
    """A slice as the controller would write it, but on loopback, which rules forbid; one endpoint is not ready."""
    metadata = {"name": "hook-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "hook"}}
    ready = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
    gone = {"addresses": ["127.0.0.2"], "conditions": {"ready": False}}
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    return orjson.dumps({**found, "endpoints": [gone, ready], "ports": [{"name": "https", "port": port}]})


def test_an_absent_service_and_a_service_by_another_name(pki: Pki) -> None:
    async def main(world: World) -> None:
        caller = world.server.backend.caller
        client: dict[str, Any] = {"service": {"name": "hook", "namespace": "default", "port": 8443}}
        found = await refused(caller, client)
        assert found == 'Post "https://hook.default.svc:8443/?timeout=5s": service "hook" not found'
        async with serving(pki, echo) as webhook:
            spec = {"type": "ExternalName", "externalName": "localhost"}
            metadata = {"name": "hook", "namespace": "default"}
            await world.client.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
            client["service"]["port"] = webhook.port
            answer = await caller.call({**client, "caBundle": webhook.bundle}, REVIEW, 5)
            assert answer["host"] == f"hook.default.svc:{webhook.port}"

    in_world(main)


def test_certificates_are_checked(pki: Pki, tmp_path: Path) -> None:
    async def main(world: World) -> None:
        caller = world.server.backend.caller
        async with serving(pki, echo) as webhook:
            other = base64.b64encode(Pki(tmp_path).ca.read_bytes()).decode()
            unknown = await refused(caller, {**webhook.client(), "caBundle": other})
            assert unknown.endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")
            by_system = await refused(caller, {"url": webhook.client()["url"]})
            assert by_system.endswith("x509: certificate signed by unknown authority")
            ours = base64.b64encode((pki.ca.parent / "webhook.crt").read_bytes()).decode()
            await caller.call({**webhook.client(), "caBundle": ours}, REVIEW, 5)
            assert "unable to parse bytes as PEM block" in await refused(
                caller, {**webhook.client(), "caBundle": "eA=="}
            )

    in_world(main)


def test_nothing_listens_and_nobody_answers(pki: Pki) -> None:
    async def never(webhook: Webhook, request: Request) -> Response:
        await asyncio.sleep(60)
        return Response()

    async def main(world: World) -> None:
        caller = world.server.backend.caller
        async with serving(pki, never) as webhook:
            url = webhook.client()["url"]
            found = await refused(caller, webhook.client(), 0.2)
            assert found == f'Post "{url}?timeout=0.2s": context deadline exceeded'
        found = await refused(caller, webhook.client())
        assert found.endswith(f"dial tcp 127.0.0.1:{webhook.port}: connect: connection refused")

    in_world(main)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(302, b"", headers=[("Location", "https://169.254.169.254/")]), "status code 302"),
        (Response(404, b"not here"), "the server could not find the requested resource"),
        (Response(500, b"oh no"), 'an error on the server ("oh no") has prevented the request from succeeding'),
        (Response(200, b"hello"), "json parse error"),
        (Response(200, b"[]"), "the answer is not an object"),
    ],
)
def test_an_answer_that_is_none(pki: Pki, answer: Response, words: str) -> None:
    async def reply(webhook: Webhook, request: Request) -> Response:
        return answer

    async def main(world: World) -> None:
        async with serving(pki, reply) as webhook:
            assert words in await refused(world.server.backend.caller, webhook.client())
            assert len(webhook.reviews) == 1

    in_world(main)


def test_an_answer_is_bounded(pki: Pki) -> None:
    async def main(world: World) -> None:
        async with serving(pki, echo) as webhook:
            found = await refused(world.server.backend.caller, webhook.client(), limit=10)
            assert found.endswith("the answer is longer than 10 bytes")

    in_world(main)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https:///x", "https://[::1/", ""])
def test_a_url_that_leads_nowhere(url: str) -> None:
    async def main(world: World) -> None:
        assert await refused(world.server.backend.caller, {"url": url})

    in_world(main)


def test_a_webhook_that_was_started_again_is_asked_on_a_new_connection(pki: Pki) -> None:
    """A kept connection may turn out to be dead only when it is used."""

    async def main(world: World) -> None:
        answered = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal answered
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
                await reader.readexactly(length)
                if answered == 1:  # the second request kills the connection
                    answered += 1
                    writer.transport.abort()
                    return
                answered += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        certificate, key = pki.issue("raw")
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_context(certificate, key, protocols=()))
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client = {"url": url, "caBundle": base64.b64encode(pki.ca.read_bytes()).decode()}
        for _ in range(2):
            assert await world.server.backend.caller.call(client, REVIEW, 5) == {}
        assert answered == 3
        server.close()
        await world.server.close()

    in_world(main)
