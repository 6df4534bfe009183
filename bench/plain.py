"""The API server with pods in memory on a socket without TLS: what a LIST costs beside what TLS does.

``python -m bench.plain COUNT`` creates the pods and prints its port; then, for each line it is sent, what the same LIST
costs inside of the process, and what the join of the stored values does (both in CPU seconds).
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import orjson
import uvloop

from bench.pod import NAME, NOBODY, pod
from podo.api import registry
from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.authn.user import ANONYMOUS
from podo.http.limits import DEFAULT_LIMITS
from podo.http.message import Peer, Response
from podo.http.server import HttpServer
from podo.http.serving import slices
from podo.runtime import garbage
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.memory import MemoryStore

PATH = "/api/v1/namespaces/default/pods"
ROUNDS = 9


class _Request:
    """A LIST as it comes from a connection."""

    method, path, query = "GET", PATH, ""
    headers = {"host": "bench", "accept": "application/json"}
    peer = Peer("bench", None)
    version, keep_alive, upgrade = "1.1", True, False


async def _serve(count: int) -> None:
    store = MemoryStore(stamp)
    server = ApiServer(store, SystemClock(), Chance())
    await server.start()
    await _fill(LocalClient(server), count)
    garbage.settle()
    listener = HttpServer(server.handle)
    print(await listener.listen("127.0.0.1", 0), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        records = (await store.range(registry.named("Pod").prefix)).records
        values = [record.value for record in records]
        inside = await _inside(server)
        print(orjson.dumps({"inside": inside, "join": _median(partial(b"".join, values))}).decode(), flush=True)


async def _fill(client: LocalClient, count: int) -> None:
    for kind, name in (("Namespace", "default"), ("ServiceAccount", "default")):
        metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": "default"}
        await client.create({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    anybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ANONYMOUS.name}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "bench"},
    }
    await client.create({**binding, "roleRef": role, "subjects": [anybody]})
    for number in range(count):
        await client.create(pod(NAME.format(number), scheduler=NOBODY))


async def _inside(server: ApiServer) -> float:
    """Everything but the socket: the request's way through the server, and each slice of the answer as it is sent."""
    times = []
    answer: object = None
    for _ in range(ROUNDS):
        began = time.thread_time()
        answer = await server.handle(_Request())  # type: ignore[arg-type]  # a list has no body to read
        assert isinstance(answer, Response), answer
        for gathered in slices(answer.body, DEFAULT_LIMITS.slice):
            del gathered  # sent: its memory is for the next
        times.append(time.thread_time() - began)
    assert isinstance(answer, Response) and answer.status == 200, answer
    return statistics.median(times)


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return statistics.median(times)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
