"""Real kubectl through the API server and the kubelet's port to real containers: logs, exec, attach, port-forward."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.node.podaccess import AgentPods
from podo.node.server import KubeletServer
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.loop import run
from podo.storage.memory import MemoryStore
from tests.live import containerd_instance
from tests.live.test_node_agent import Node, is_ready, network, shell
from tests.pki import Pki

pytestmark = pytest.mark.live

KUBECTL = Path(__file__).parents[2] / "build" / "bin" / "kubectl"


@pytest.fixture(scope="module")
def instance() -> Iterator[containerd_instance.Instance]:
    if why := containerd_instance.unavailable():
        pytest.skip(why)
    if not KUBECTL.exists():
        pytest.skip("kubectl is not there: make build/bin/kubectl")
    with containerd_instance.containerd_instance(containerd_instance.archives()) as running:
        yield running
    assert containerd_instance.leftovers(running) == []


class Cluster:
    def __init__(self, node: Node, kubeconfig: Path) -> None:
        self.node = node
        self._kubeconfig = kubeconfig

    async def start_kubectl(self, *argv: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "KUBECONFIG": str(self._kubeconfig), "HOME": str(self._kubeconfig.parent)}
        return await asyncio.create_subprocess_exec(
            str(KUBECTL), *argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )

    async def kubectl(self, *argv: str, stdin: bytes = b"") -> tuple[int | None, bytes, bytes]:
        process = await self.start_kubectl(*argv)
        async with asyncio.timeout(60):
            output, errors = await process.communicate(stdin)
        return process.returncode, output, errors


@asynccontextmanager
async def cluster(instance: containerd_instance.Instance, folder: Path) -> AsyncIterator[Cluster]:
    """An API server and a kubelet's port over TLS, with one certificate authority, on the instance's loopback."""
    pki = Pki(folder)
    certificate, key = pki.issue("kube-apiserver-kubelet-client")
    store = MemoryStore(stamp, history_limit=5000)
    await store.open()
    access = KubeletAccess(client_context(ca=pki.ca, certificate=certificate, key=key))
    server = ApiServer(store, SystemClock(), Chance(), kubelet=access)
    await server.start()
    client = LocalClient(server)
    for name in ("default", "kube-node-lease"):
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"metadata": {"name": "default", "namespace": name}, "automountServiceAccountToken": False}
        await client.create({"apiVersion": "v1", "kind": "ServiceAccount", **account})
    front = HttpServer(server.handle)
    port = await front.listen("127.0.0.1", 0, tls=server_context(*pki.issue("api"), client_ca=pki.ca))
    node = Node(instance, client)
    await node.start()
    kubelet = KubeletServer(AgentPods(node.agent), node.runtime, SystemClock())
    tls = server_context(*pki.issue("node-0"), client_ca=pki.ca, require_client=True)
    await kubelet.start("127.0.0.1", node.config.kubelet_port, tls)
    try:
        yield Cluster(node, _kubeconfig(folder, pki, port))
        for pod in (await client.list("Pod", "default")).items:
            await client.delete("Pod", pod["metadata"]["name"], "default", grace_seconds=1)
            await node.until_gone(pod["metadata"]["name"])
        await node.is_clean()
    finally:
        await front.stop(1.0)
        await kubelet.stop(1.0)
        await node.stop()
        await store.close()


def _kubeconfig(folder: Path, pki: Pki, port: int) -> Path:
    def data(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    certificate, key = pki.issue("admin", "system:masters")
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data(pki.ca)}
    user = {"client-certificate-data": data(certificate), "client-key-data": data(key)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def test_kubectl_logs_exec_attach_and_port_forward(instance: containerd_instance.Instance, tmp_path: Path) -> None:
    async def story(here: Cluster) -> None:
        nginx = {"name": "web", "image": "nginx:1.14.2"}
        await here.node.create("web", [shell("echo one; echo two; echo oops >&2;"), nginx])
        reader = {"name": "main", "image": "busybox:1.28", "command": ["sh", "-c", "read x; echo got $x; sleep 1"]}
        await here.node.create("reader", [{**reader, "stdin": True}], restartPolicy="Never")
        await here.node.until("web", is_ready)
        await here.node.until("reader", is_ready)
        await _logs(here)
        await _exec(here)
        await _attach(here)
        await _port_forward(here)

    async def main() -> None:
        async with asyncio.timeout(600), cluster(instance, tmp_path) as here:
            await story(here)

    with network(instance.network):
        run(main())


async def _logs(here: Cluster) -> None:
    async with asyncio.timeout(60):  # lines come a moment after the start
        while sorted((await here.kubectl("logs", "web", "-c", "main"))[1].split()) != [b"one", b"oops", b"two"]:
            pass
    code, output, _ = await here.kubectl("logs", "web", "-c", "main", "--tail=1", "--timestamps")
    assert code == 0 and output.count(b"\n") == 1 and output.startswith(b"20")
    code, _, errors = await here.kubectl("logs", "web", "-c", "main", "--previous")
    assert code == 1 and b'previous terminated container "main" in pod "web" not found' in errors
    code, _, errors = await here.kubectl("logs", "web", "-c", "none")
    assert code == 1 and b"container none is not valid for pod web" in errors
    following = await here.start_kubectl("logs", "-f", "web", "-c", "web")
    assert following.stdout
    await here.kubectl("exec", "web", "-c", "web", "--", "sh", "-c", "echo followed >/proc/1/fd/1")
    async with asyncio.timeout(60):
        while b"followed" not in await following.stdout.readline():
            pass
    following.terminate()
    await following.wait()


async def _exec(here: Cluster) -> None:
    script = "echo out; echo err >&2; exit 3"
    code, output, errors = await here.kubectl("exec", "web", "-c", "main", "--", "sh", "-c", script)
    assert (code, output) == (3, b"out\n") and errors.startswith(b"err\n")
    sent = os.urandom(300_000)
    code, output, errors = await here.kubectl("exec", "-i", "web", "-c", "main", "--", "md5sum", stdin=sent)
    assert (code, output.split()[0].decode()) == (0, hashlib.md5(sent).hexdigest()), errors
    code, output, errors = await here.kubectl("exec", "web", "-c", "main", "--", "head", "-c", "3000000", "/dev/zero")
    assert (code, len(output)) == (0, 3_000_000), errors
    code, _, errors = await here.kubectl("exec", "web", "-c", "main", "--", "no-such-program")
    assert code != 0 and b"no-such-program" in errors


async def _attach(here: Cluster) -> None:
    attached = await here.start_kubectl("attach", "-i", "reader")
    assert attached.stdin and attached.stdout
    attached.stdin.write(b"hello\n")
    async with asyncio.timeout(60):
        assert b"got hello" in await attached.stdout.read()
        await attached.wait()


async def _port_forward(here: Cluster) -> None:
    forwarding = await here.start_kubectl("port-forward", "web", ":80")
    assert forwarding.stdout
    async with asyncio.timeout(60):
        line = (await forwarding.stdout.readline()).decode()  # Forwarding from 127.0.0.1:41234 -> 80
        port = int(line.split("127.0.0.1:")[1].split(" ")[0])
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in await reader.read()
            writer.close()
    forwarding.terminate()
    await forwarding.wait()
