"""What a client can make the API server do with little: bodies that grow when read, numbers, depth, lists, queries."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.http.client import HttpPool
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore
from tests.cpu import costs_at_most
from tests.pki import Pki
from tests.unit.apiserver.world import World, in_world, pod

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
#: Seconds of CPU that a small bad body may cost: microseconds are meant, the rest is the machine's noise.
CHEAP = 0.02


async def cost(ask: Callable[[], Any], seconds: float) -> tuple[int, Any]:
    """The answer to a request, which costs no more than so much CPU: at least once in three times."""
    for left in (2, 1, 0):
        try:
            with costs_at_most(seconds):
                status, answer = await ask()
            break
        except AssertionError:
            if not left:
                raise
    return status, answer


def bomb() -> bytes:
    """Nine levels of nine aliases each: 9^9 strings when written out, 400 bytes as it is."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return ("\n".join(lines) + "\n").encode()


BODIES: dict[str, tuple[bytes, str]] = {
    "yaml bomb": (bomb(), "application/yaml"),
    "deep yaml": (b"a: " + b"[" * 20_000, "application/yaml"),
    "deep json": (b'{"a":' * 20_000, "application/json"),
    "deep arrays": (b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "long number": (b'{"spec":{"priority":' + b"9" * 100_000 + b"}}", "application/json"),
    "large exponent": (b'{"spec":{"priority":1e1000000}}', "application/json"),
    "yaml number": (b"spec: {priority: 0x" + b"f" * 100_000 + b"}", "application/yaml"),
    "yaml date": (b"metadata: {name: 2001-01-01T00:00:00Z}", "application/yaml"),
    "yaml tag": (b"!!python/object/apply:os.system ['true']", "application/yaml"),
    "many documents": (b"---\n" * 50_000, "application/yaml"),
}


def test_small_bodies_cost_little() -> None:
    async def test(world: World) -> None:
        for name, (body, content_type) in BODIES.items():
            post = partial(world.ask, "POST", PODS, body, content_type=content_type)
            status, answer = await cost(post, CHEAP + len(body) * 1e-6)
            assert 400 <= status < 500 and answer["kind"] == "Status", (name, answer)

    in_world(test)


@pytest.mark.parametrize("text", ["1e1000000", "-1e1000000", "9" * 20_000, "1." + "0" * 20_000 + "1", "1e-1000000"])
def test_a_quantity_costs_its_length_not_its_value(text: str) -> None:
    async def test(world: World) -> None:
        body = pod("a")
        body["spec"]["containers"][0]["resources"] = {"limits": {"memory": text}}
        status, _ = await cost(lambda: world.ask("POST", f"{PODS}?dryRun=All", body), CHEAP)
        assert status in (201, 400, 422)

    in_world(test)


def test_patches_are_limited_too() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("a"))
        many = [{"op": "add", "path": f"/metadata/labels/l{n}", "value": "x"} for n in range(10_001)]
        status, answer = await world.ask("PATCH", f"{PODS}/a", many, content_type="application/json-patch+json")
        assert status == 413 and "10000" in answer["message"]
        copies: list[dict[str, Any]] = [
            {"op": "copy", "from": "/metadata", "path": f"/metadata/annotations/a{n}"} for n in range(30)
        ]
        copies.insert(0, {"op": "add", "path": "/metadata/annotations", "value": {}})
        status, _ = await cost(
            lambda: world.ask("PATCH", f"{PODS}/a", copies, content_type="application/json-patch+json"), 1
        )
        assert 400 <= status < 500
        status, _ = await cost(
            lambda: world.ask("PATCH", f"{PODS}/a", bomb(), content_type="application/apply-patch+yaml"), CHEAP
        )
        assert 400 <= status < 500

    in_world(test)


def test_queries_are_limited() -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("GET", f"{PODS}?" + "&".join(f"a{n}=1" for n in range(300)))
        assert status == 400 and "parameters" in answer["message"]
        selector = ",".join(f"k{n} in (a,b,c)" for n in range(2_000))
        status, _ = await cost(lambda: world.ask("GET", f"{PODS}?labelSelector={selector}"), 1)
        assert status in (200, 400)
        assert (await world.ask("GET", f"{PODS}?labelSelector=" + "(" * 5_000))[0] == 400
        assert (await world.ask("GET", "/api/v1/" + "a" * 5_000))[0] == 404

    in_world(test)


OBJECTS = 100_000


async def _filled_store() -> MemoryStore:
    store = MemoryStore(stamp)
    await store.open()
    for number in range(OBJECTS):
        name = f"map-{number:06}"
        metadata = {"name": name, "namespace": "default", "uid": f"{number:032x}"}
        value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "x" * 200}}
        await store.create(f"/core/configmaps/default/{name}", orjson.dumps(value))
    return store


def test_a_list_of_100_000_objects_takes_no_memory_of_its_size(tmp_path: Any) -> None:
    """Over a real connection, to a client that reads in its own time: what is sent is joined from the stored bytes
    slice by slice."""

    async def test() -> None:
        pki = Pki(tmp_path)
        api = ApiServer(await _filled_store(), SystemClock(), Chance(1))
        await api.start()
        server = HttpServer(api.handle)
        port = await server.listen("127.0.0.1", 0, tls=server_context(*pki.issue("api"), client_ca=pki.ca))
        certificate, key = pki.issue("admin", "system:masters")
        pool = HttpPool("127.0.0.1", port, tls=client_context(ca=pki.ca, certificate=certificate, key=key))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        stream = await pool.stream("GET", MAPS)
        size = items = 0
        async for piece in stream:
            size += len(piece)
            items += piece.count(b'"name":"map-')
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
        assert size > OBJECTS * 300 and items > OBJECTS * 0.99  # some names lie across two pieces
        assert growth < size / 3, (growth, size)
        pool.close()
        await server.stop(0.2)

    asyncio.run(test())
