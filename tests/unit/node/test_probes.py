"""Probes against real servers on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podo.node.lastwords import last_lines, last_words
from podo.node.machine import ProbeResult, Target
from podo.node.probes.asking import ask
from podo.node.probes.exec import command_of
from podo.node.probes.hooks import run_hook
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.unit.node.pods import Obj, pod, running

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(head: str) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + b"\r\n" + asked)
        writer.close()

    return answer


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def probed(answer: Answer, probe: Obj, hook: bool = False) -> ProbeResult:
    """The result of a probe of a server that answers so; ``port`` in the probe is the server's port by name."""

    async def whole() -> ProbeResult:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        spec = {"name": "web", "ports": [{"name": "web", "containerPort": port}]}
        target = Target(pod(), spec, running(), "127.0.0.1")
        runtime = SimulatedRuntime(SystemClock(), Chance(1))
        try:
            if hook:
                return await run_hook(runtime, target, probe, 1)
            return await ask(runtime, target, {"timeoutSeconds": 1, **probe})
        finally:
            server.close()

    return asyncio.run(whole())


GET = {"httpGet": {"port": "web", "path": "healthz", "httpHeaders": [{"name": "X-A", "value": "b"}]}}


@pytest.mark.parametrize(
    ("line", "passed", "output"),
    [
        ("HTTP/1.1 200 OK", True, ""),
        ("HTTP/1.0 299", True, ""),
        ("HTTP/1.1 400 Bad", False, "HTTP probe failed with statuscode: 400"),
        ("HTTP/1.1 503 Busy", False, "HTTP probe failed with statuscode: 503"),
    ],
)
def test_http_probes(line: str, passed: bool, output: str) -> None:
    assert probed(http(line), GET) == ProbeResult(passed, output)


def led(*locations: str) -> tuple[Answer, list[str]]:
    """A server that leads from each place to the next, and says 200 at the last; and what it was asked."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if len(asked) <= len(locations):
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {locations[len(asked) - 1]}\r\n\r\ngone".encode())
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    return answer, asked


def test_a_redirect_on_the_host_is_followed_with_the_probe_s_headers() -> None:
    answer, asked = led("/a?b=c", "d")
    assert probed(answer, GET) == ProbeResult(True)
    assert [text.split(" ")[1] for text in asked] == ["/healthz", "/a?b=c", "/d"]
    assert all("X-A: b\r\n" in text for text in asked)


def test_a_redirect_that_leads_elsewhere_is_well_and_told() -> None:
    answer, asked = led("http://elsewhere.test/")
    assert probed(answer, GET) == ProbeResult(True, "Probe terminated redirects, Response body: gone", warned=True)
    assert len(asked) == 1
    nowhere = probed(http("HTTP/1.1 302 Found\r\nX: y\r\n"), GET)
    assert nowhere.passed and nowhere.warned


def test_redirects_end() -> None:
    answer, asked = led(*["/again"] * 20)
    result = probed(answer, GET)
    assert not result.passed and result.output.endswith("stopped after 10 redirects") and len(asked) == 10


def test_http_probes_of_what_is_not_http_or_says_nothing() -> None:
    assert "malformed HTTP response" in probed(http("SSH-2.0-x"), GET).output
    slow = probed(silent, {**GET, "timeoutSeconds": 0.05})
    assert not slow.passed and "context deadline exceeded" in slow.output


def test_the_request_is_a_probe_s() -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    assert probed(answer, GET).passed
    assert asked[0].startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"User-Agent: kube-probe/1.37\r\n" in asked[0] and b"X-A: b\r\n" in asked[0]
    bare = [{"name": "Accept", "value": ""}]
    assert probed(answer, {"httpGet": {"port": "web", "httpHeaders": bare}}, hook=True).passed
    assert b"User-Agent: kube-lifecycle/1.37\r\n" in asked[1] and b"Accept" not in asked[1]


def test_tcp_probes() -> None:
    assert probed(silent, {"tcpSocket": {"port": "web"}}).passed
    refused = probed(silent, {"tcpSocket": {"port": 1}})
    assert refused == ProbeResult(False, "dial tcp 127.0.0.1:1: connect: connection refused")
    lost = probed(silent, {"tcpSocket": {"port": "other"}})
    assert lost == ProbeResult(False, "couldn't find port: other in container web", unknown=True)


def test_hooks_take_any_http_answer() -> None:
    assert probed(http("HTTP/1.1 500 No"), GET, hook=True).passed
    refused = probed(http("HTTP/1.1 200 OK"), {"httpGet": {"port": 1, "path": "/x"}}, hook=True)
    said = 'HTTP lifecycle hook (/x) for Container "web" in Pod "web_default(uid-1)" failed - error: '
    assert not refused.passed and refused.output.startswith(said)
    assert probed(silent, {"sleep": {"seconds": 0}}, hook=True).passed


def test_exec_on_a_simulated_node_says_why_not() -> None:
    result = probed(silent, {"exec": {"command": ["true"]}})
    assert not result.passed and result.unknown and "not supported on a simulated node" in result.output


def test_an_exec_probe_knows_the_variables_that_the_manifest_has() -> None:
    env = [{"name": "A", "value": "x"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    action = {"command": ["test", "$(A)$(B)$(C)", "$$(A)"]}
    assert command_of({"name": "web", "env": env}, action) == ["test", "x$(C)", "$(A)"]


def test_termination_messages(tmp_path: Path) -> None:
    message = tmp_path / "m"
    message.write_text("x" * 5000 + "end")
    assert len(last_words(message)) == 4096 and last_words(message).endswith("end")
    assert last_words(tmp_path / "none") == ""
    log = tmp_path / "log"
    log.write_text("".join(f"2026-01-01T00:00:00Z stderr F line {n}\n" for n in range(200)))
    lines = last_lines(log).splitlines()
    assert lines[-1] == "line 199" and len(lines) == 80
    log.write_text("2026-01-01T00:00:00Z stdout F said\n2026-01-01T00:00:00Z stdout P half\n")
    assert last_lines(log) == "said\nhalf", "the last line had no end"
