"""Which version of HTTP a new connection speaks: what TLS has agreed on by ALPN, else HTTP/1.1."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from podo.http.connection_h1 import H1Connection
from podo.http.serving import Home

H2 = "h2"


def accepting(home: Home, tls: bool) -> Callable[[], asyncio.Protocol]:
    """The protocol factory of a listener."""
    return (lambda: _Greeting(home)) if tls else (lambda: H1Connection(home))


class _Greeting(asyncio.Protocol):
    """Until the connection is made nobody knows what it speaks."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        protocol: asyncio.Protocol
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() == H2:
            from podo.http.connection_h2 import H2Connection  # not at start: most tests and clients speak HTTP/1.1

            protocol = H2Connection(self._home)
        else:
            protocol = H1Connection(self._home)
        cast(asyncio.Transport, transport).set_protocol(protocol)
        protocol.connection_made(transport)
