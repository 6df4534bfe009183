"""The heads of requests on a connection of HTTP/1.1: put together from what the parser tells, checked, and made into
requests whose bodies are to follow.

httptools (llhttp) parses; what it lets pass and RFC 9112 does not, and heads that are too large, are refused here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import httptools

from podo.http.limits import Limits
from podo.http.message import Peer
from podo.http.request import ArrivingRequest, header_name, method_name
from podo.http.serving import Refused


class HeadReader:
    """What the ``parser`` of one connection tells. Every method raises Refused for a head that is not served.

    Before bytes are given to the parser, ``reading`` says how many. ``on_need``: of each request. ``on_body`` and
    ``on_message_complete`` are the connection's, and called by the parser without a detour: bodies move its deadline.
    """

    __slots__ = (
        "_fields",
        "_limits",
        "_on_need",
        "_peer",
        "_size",
        "_url",
        "heads",
        "in_head",
        "on_body",
        "on_message_complete",
        "parser",
        "reading",
        "unfinished",
    )

    def __init__(
        self,
        limits: Limits,
        peer: Peer,
        on_need: Callable[[ArrivingRequest], None],
        on_body: Callable[[bytes], None],
        on_message_complete: Callable[[], None],
    ) -> None:
        self._limits, self._peer, self._on_need = limits, peer, on_need
        self.on_body, self.on_message_complete = on_body, on_message_complete
        self.heads: deque[ArrivingRequest] = deque()  # requests whose handlers have not been called yet, in order
        self.unfinished: ArrivingRequest | None = None  # its body is arriving
        self.in_head = False
        self.reading = 0  # bytes that are read now
        self._size = 0  # bytes of the head before those
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)  # the last, for it asks for the methods at once

    @property
    def is_new(self) -> bool:
        """Did the head that is not complete yet begin in the bytes that are read now?"""
        return self._size == 0

    def goes_on(self) -> None:
        """All that was read is parsed, and the head is not complete yet."""
        self._size += self.reading
        if self._size > self._limits.head + self._limits.url:
            raise Refused(431, "the head of the request is too large")

    # -- what the parser tells ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.in_head = True
        self._size = 0
        self._url = b""
        self._fields = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # and not a trailer, which nobody reads
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        version = self.parser.get_http_version()
        headers = self._checked_headers(version)
        target = self._url.decode("ascii")
        method = method_name(self.parser.get_method())
        if method == "CONNECT" or not target.startswith("/"):
            raise Refused(400, "the request target must be a path")
        request = ArrivingRequest(method, target, self._fields, headers, self._peer, version, self._on_need)
        request.keep_alive = self.parser.should_keep_alive()
        if "upgrade" in headers and self.parser.should_upgrade():
            if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
                raise Refused(400, "an upgrade request must not have a body")
            request.upgrade = True
        self.unfinished = request
        self.heads.append(request)

    def _checked_headers(self, version: str) -> dict[str, str]:
        """The fields by lower-case name, joined."""
        limits = self._limits
        if version not in ("1.1", "1.0"):
            raise Refused(505, f"HTTP/{version} is not supported here")
        if len(self._url) > limits.url:
            raise Refused(414, f"the URL is longer than {limits.url} bytes")
        if len(self._fields) > limits.header_count:
            raise Refused(431, f"the request has more than {limits.header_count} headers")
        if self._size + self.reading > limits.head:
            size = sum(len(name) + len(value) + 4 for name, value in self._fields)
            if size > limits.head:
                raise Refused(431, f"the headers are longer than {limits.head} bytes")
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._fields:
            name, value = header_name(raw_name), raw_value.decode("latin-1")
            if name in headers:
                if name == "host":
                    raise Refused(400, "the request has more than one Host")
                value = f"{headers[name]}, {value}"
            headers[name] = value
        if version == "1.1" and not headers.get("host"):
            raise Refused(400, "the request has no Host")
        return headers
