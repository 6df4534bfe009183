"""What a server lets one client take: sizes of heads, numbers of connections, and how long it waits for each thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. Body sizes are the handler's to limit."""

    url: int = 64 * 1024  # `kubectl exec` carries whole scripts in the URL
    head: int = 64 * 1024  # all header lines of a request
    header_count: int = 128
    connections: int = 10_000
    body_ahead: int = 64 * 1024  # bytes of a body kept for a handler that is slow to take them
    unread_body: int = (
        256 * 1024
    )  # bytes of a body thrown away after an early answer, so that the client can read the answer
    slice: int = 256 * 1024  # bytes of an answer sent before others have their turn
    streams: int = 250  # requests at a time on one connection of HTTP/2, as upstream's
    noise_burst: int = 1000  # pings, settings and resets of HTTP/2 at once,
    noise_rate: float = 50.0  # and a second in the long run
    head_seconds: float = 10.0  # from the first byte of a request to the end of its head; also the TLS handshake
    idle_seconds: float = 180.0  # between requests
    body_seconds: float = 60.0  # without a byte of a body that a handler waits for
    stall_seconds: float = 900.0  # with a full send buffer that the client does not read (`kubectl logs -f | less`)
    ping_seconds: float = (
        60.0  # without a byte on a connection of HTTP/2 with requests: asked, and ended after as many more
    )
    linger_seconds: float = 5.0  # for throwing away an unread body


DEFAULT_LIMITS = Limits()
