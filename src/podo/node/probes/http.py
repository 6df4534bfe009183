"""HTTP probes: one GET, a status from 200 to 399 is well. HTTPS certificates are not checked (as the kubelet).

A redirect is followed where it stays on the host; one that leads elsewhere is well too, and told.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from podo.api.kind import Obj
from podo.node.machine import ProbeResult, Target
from podo.node.probes.ports import address_of, joined
from podo.node.probes.tcp import why_not
from podo.runtime.tasks import within
from podo.version import KUBERNETES_MAJOR, KUBERNETES_MINOR

AGENT = f"kube-probe/{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}"
LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 10 * 1024
MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Get:
    """What is asked. ``headers`` are the probe's own; ``agent`` who asks, if they do not say."""

    host: str
    port: int
    path: str
    secure: bool = False
    headers: Sequence[tuple[str, str]] = ()
    agent: str = AGENT

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{joined(self.host, self.port)}{self.path}"

    def head(self) -> bytes:
        """An empty header of the probe's own takes away the one there would be."""
        defaults = {"Host": joined(self.host, self.port), "User-Agent": self.agent, "Accept": "*/*"}
        named = {name.lower() for name, _ in self.headers}
        lines = [f"GET {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in named]
        lines += [f"{name}: {value}" for name, value in self.headers if value or name not in defaults]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace")

    def led_to(self, location: str) -> Get:
        """The request that a redirect asks for. A Host header of the probe's own holds where that names no host."""
        to = urlsplit(urljoin(self.url, location))
        secure = to.scheme == "https"
        headers = [one for one in self.headers if one[0].lower() != "host" or not urlsplit(location).netloc]
        path = (to.path or "/") + (f"?{to.query}" if to.query else "")
        port = to.port or (443 if secure else 80)
        return replace(self, host=to.hostname or "", port=port, path=path, secure=secure, headers=headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """``location`` and ``body`` (its beginning) only of a redirect."""

    status: int
    location: str = ""
    body: str = ""


class BadAnswer(Exception):
    """What came back is not HTTP, or leads nowhere."""


def get_of(target: Target, action: Obj, agent: str) -> Get:
    """The request of an HTTPGetAction. Raises ConfigProblem."""
    host, port = address_of(target, action.get("host") or "", action["port"])
    path = str(action.get("path") or "/")
    headers = [(header["name"], str(header.get("value", ""))) for header in action.get("httpHeaders") or ()]
    path = path if path.startswith("/") else "/" + path
    return Get(host, port, path, action.get("scheme") == "HTTPS", headers, agent)


async def answer_to(get: Get) -> Answer:
    """Raises OSError, BadAnswer, ValueError."""
    context = _unchecked() if get.secure else None
    reader, writer = await asyncio.open_connection(get.host, get.port, ssl=context, limit=LONGEST_HEAD)
    try:
        writer.write(get.head())
        line = await reader.readline()
        parts = line.rstrip(b"\r\n").split(b" ", 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
            raise BadAnswer(f"malformed HTTP response {line[:80]!r}" if line else "EOF")
        status = int(parts[1])
        return await _redirect(status, reader) if 300 <= status < 400 else Answer(status)
    finally:
        writer.close()


async def _redirect(status: int, reader: asyncio.StreamReader) -> Answer:
    location, room = "", LONGEST_HEAD
    while room > 0 and (line := (await reader.readline()).rstrip(b"\r\n")):
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "location":
            location = value.strip()
        room -= len(line) + 2
    body = b""
    while len(body) < LONGEST_BODY and (more := await reader.read(LONGEST_BODY - len(body))):
        body += more
    return Answer(status, location, body.decode("utf-8", "replace"))


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _last_answer(get: Get) -> Answer:
    """After the redirects that may be followed."""
    at = get
    for _ in range(MOST_REDIRECTS):
        answer = await answer_to(at)
        if answer.status not in REDIRECTS or not answer.location:
            return answer
        at = at.led_to(answer.location)
        if at.host != get.host:
            return answer
    raise BadAnswer(f"stopped after {MOST_REDIRECTS} redirects")


async def probe(get: Get, timeout_seconds: float) -> ProbeResult:
    try:
        answer = await within(timeout_seconds, _last_answer(get))
    except TimeoutError:
        late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return ProbeResult(False, f'Get "{get.url}": {late}')
    except OSError as failure:
        return ProbeResult(False, f'Get "{get.url}": {why_not(failure, get.host, get.port)}')
    except (BadAnswer, ValueError) as failure:
        return ProbeResult(False, f'Get "{get.url}": {failure}')
    if 300 <= answer.status < 400:
        return ProbeResult(True, f"Probe terminated redirects, Response body: {answer.body}", warned=True)
    if 200 <= answer.status < 300:
        return ProbeResult(True)
    return ProbeResult(False, f"HTTP probe failed with statuscode: {answer.status}")
