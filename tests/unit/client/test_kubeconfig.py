"""Clients made from kubeconfig files."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from podo.api.errors import ApiError
from podo.client.contract import Unreachable
from podo.client.http import HttpClient
from podo.client.kubeconfig import read
from podo.http.message import Request, Response, Streaming, Writer
from podo.http.server import HttpServer
from podo.http.tls import server_context
from tests.pki import Pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))


def kubeconfig(path: Path, cluster: dict[str, Any], user: dict[str, Any], current: str = "c") -> Path:
    document = {
        "clusters": [{"name": "one", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "one", "user": "me"}}],
        "current-context": current,
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("embedded", [True, False])
def test_a_client_of_a_kubeconfig_is_who_it_says(pki: Pki, tmp_path: Path, embedded: bool) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, b"known" if request.peer.certificate else b"unknown")

    async def main() -> None:
        server = HttpServer(handler)
        port = await server.listen("127.0.0.1", 0, tls=server_context(*pki.issue("server"), client_ca=pki.ca))
        certificate, key = pki.issue("me")

        def entry(field: str, file: Path) -> dict[str, str]:
            if embedded:
                return {f"{field}-data": base64.b64encode(file.read_bytes()).decode()}
            (tmp_path / file.name).write_bytes(file.read_bytes())
            return {field: file.name}  # beside the kubeconfig

        cluster = {"server": f"https://127.0.0.1:{port}", **entry("certificate-authority", pki.ca)}
        user = {**entry("client-certificate", certificate), **entry("client-key", key)}
        client = HttpClient.from_kubeconfig(kubeconfig(tmp_path / "config", cluster, user))
        assert await client.raw("/") == b"known"
        client.close()
        await server.stop(1.0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a kubeconfig"),
        ("[", "config"),
        ("current-context: c", "contexts has no 'c'"),
        ("contexts: [{name: c, context: {cluster: x}}]\ncurrent-context: c", "clusters has no 'x'"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_credential_plugins_are_refused(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1"}, {"exec": {"command": "x"}})
    with pytest.raises(ValueError, match="plug-in"):
        read(path)


def test_what_is_no_answer_of_an_api_server() -> None:
    async def handler(request: Request) -> Response | Streaming:
        if "watch=true" in request.query:
            error = b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}}\n'

            async def produce(writer: Writer) -> None:
                if request.path.endswith("pods"):
                    pod = b'{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a"}}}\n'
                    writer.write(pod[:20])
                    await writer.drain()
                    writer.write(pod[20:] + error)
                else:
                    writer.write(b"{}\n")

            return Streaming(produce)
        if request.path.endswith("/web"):
            return Response(503, b"the proxy is down", "text/plain")
        return Response(200, b"<html>")

    async def main() -> None:
        server = HttpServer(handler)
        port = await server.listen("127.0.0.1", 0)
        client = HttpClient(f"http://127.0.0.1:{port}")
        with pytest.raises(ApiError, match="the proxy is down") as refused:
            await client.get("Pod", "web", "default")
        assert (refused.value.code, refused.value.reason, refused.value.retry) == (503, "ServiceUnavailable", True)
        with pytest.raises(Unreachable, match="not JSON"):
            await client.list("Pod")
        events = []
        with pytest.raises(ApiError, match="too old") as expired:
            async for batch in client.watch("Pod"):
                events += batch
        assert expired.value.code == 410 and [event.type for event in events] == ["ADDED"]
        with pytest.raises(Unreachable, match="not a watch event"):
            async for _ in client.watch("Node"):
                pass
        await server.stop(1.0)
        with pytest.raises(Unreachable):
            await client.get("Pod", "web", "default")

    asyncio.run(main())
