"""HTTP probes: one GET, a status from 200 to 399 is well. HTTPS certificates are not checked (as the kubelet)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from podo.node.machine import ProbeResult
from podo.node.probes.ports import joined
from podo.node.probes.tcp import why_not
from podo.runtime.tasks import within
from podo.version import KUBERNETES_MAJOR, KUBERNETES_MINOR

USER_AGENT = f"kube-probe/{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}"
LONGEST_HEAD = 64 * 1024
LONGEST_OUTPUT = 10 * 1024


@dataclass(frozen=True, slots=True)
class Get:
    """What is asked. ``headers`` are the probe's own."""

    host: str
    port: int
    path: str
    secure: bool = False
    headers: Sequence[tuple[str, str]] = ()

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{joined(self.host, self.port)}{self.path}"

    def head(self) -> bytes:
        named = {name.lower() for name, _ in self.headers}
        lines = [f"GET {self.path} HTTP/1.1"]
        if "host" not in named:
            lines.append(f"Host: {joined(self.host, self.port)}")
        if "user-agent" not in named:
            lines.append(f"User-Agent: {USER_AGENT}")
        if "accept" not in named:
            lines.append("Accept: */*")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace")


class BadAnswer(Exception):
    """What came back is not HTTP."""


async def status_of(get: Get) -> int:
    """The status code of the answer. Raises OSError, BadAnswer, IncompleteReadError."""
    context = _unchecked() if get.secure else None
    reader, writer = await asyncio.open_connection(get.host, get.port, ssl=context, limit=LONGEST_HEAD)
    try:
        writer.write(get.head())
        line = await reader.readline()
        parts = line.rstrip(b"\r\n").split(b" ", 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
            raise BadAnswer(f"malformed HTTP response {line[:80]!r}" if line else "EOF")
        return int(parts[1])
    finally:
        writer.close()


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def probe(get: Get, timeout_seconds: float) -> ProbeResult:
    try:
        status = await within(timeout_seconds, status_of(get))
    except TimeoutError:
        late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return ProbeResult(False, f'Get "{get.url}": {late}')
    except OSError as failure:
        return ProbeResult(False, f'Get "{get.url}": {why_not(failure, get.host, get.port)}')
    except (BadAnswer, ValueError) as failure:
        return ProbeResult(False, f'Get "{get.url}": {failure}')
    if 200 <= status < 400:
        return ProbeResult(True)
    return ProbeResult(False, f"HTTP probe failed with statuscode: {status}")
