"""An API server on a memory store, and requests to it as its HTTP server would hand them over."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config
from podo.apiserver.local import LocalClient
from podo.http.message import Peer, Response, Streaming, TooLarge
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def certificate(user: str, *groups: str, end: datetime.datetime | None = None) -> bytes:
    """A self-signed client certificate in DER; ``end``: until when it is good."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    name = x509.Name(names)
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    end = end or datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


ADMIN = certificate("kubernetes-admin", "system:masters")


class Asked:
    """A ``podo.http.message.Request`` whose body is here already."""

    version = "1.1"

    def __init__(self, method: str, target: str, body: bytes, headers: dict[str, str], peer: Peer) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers: Mapping[str, str] = headers
        self.peer = peer
        self._body = body

    async def body(self, limit: int) -> bytes:
        if len(self._body) > limit:
            raise TooLarge
        return self._body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


class Written:
    """A ``podo.http.message.Writer`` that keeps what it is given."""

    together: Any = None

    def __init__(self) -> None:
        self.closed = False
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def write_all(self, parts: Sequence[bytes]) -> None:
        self.data += b"".join(parts)

    @property
    def buffered(self) -> int:
        return 0

    async def drain(self) -> None: ...

    async def wait_closed(self) -> None: ...


class World:
    """``await world.ask("GET", "/api/v1/pods")``; ``world.client`` is the LocalClient of an administrator."""

    def __init__(self, **config: Any) -> None:
        self.store = MemoryStore(stamp)
        self.server = ApiServer(self.store, SystemClock(), Chance(1), Config(**config))
        self.client = LocalClient(self.server)
        self._peers: dict[bytes | None, Peer] = {}

    async def start(self) -> World:
        await self.store.open()
        await self.server.start()
        await self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        account = {"name": "default", "namespace": "default"}
        await self.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        return self

    async def answer(
        self, method: str, target: str, body: Any = b"", *, who: bytes | None = ADMIN, **headers: str
    ) -> Response | Streaming:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        peer = self._peers.setdefault(who, Peer("127.0.0.1:1", who))
        asked = Asked(method, target, raw, {name.replace("_", "-"): text for name, text in headers.items()}, peer)
        found = await self.server.handle(asked)
        assert isinstance(found, Response | Streaming)
        return found

    async def ask(self, method: str, target: str, body: Any = b"", **options: Any) -> tuple[int, Any]:
        """The status and the decoded JSON body."""
        found = await self.answer(method, target, body, **options)
        assert isinstance(found, Response), "a stream"
        raw = text_of(found)
        return found.status, orjson.loads(raw) if found.content_type.startswith("application/json") and raw else raw

    async def watch(self, target: str, *, frames: int = 0, **options: Any) -> list[dict[str, Any]]:
        """All frames of a watch that ends by its timeoutSeconds, or once there are so many."""
        found = await self.answer("GET", target, **options)
        assert isinstance(found, Streaming), text_of(found)
        writer = Written()
        producing = asyncio.ensure_future(found.produce(writer))
        while not producing.done() and not 0 < frames <= writer.data.count(b"\n"):
            await asyncio.wait((producing,), timeout=0.01 if frames else None)
        if not producing.cancel():
            producing.result()
        return [orjson.loads(line) for line in writer.data.splitlines()]


def text_of(response: Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def in_world(test: Callable[[World], Awaitable[None]], **config: Any) -> None:
    """Run a test's coroutine in a fresh world, a minute at most."""

    async def run() -> None:
        world = await World(**config).start()
        async with asyncio.timeout(60):
            await test(world)

    asyncio.run(run())


def pod(name: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "nginx:1.14.2"}]
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def service(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}], **spec}}
