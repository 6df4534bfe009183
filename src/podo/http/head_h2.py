"""Heads of HTTP/2: a request's fields to method, target and headers, as strictly as HTTP/1.1's; an answer's as fields.

Source: RFC 9113, 8.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPMethod
from typing import NamedTuple

from podo.http.engine import Fields
from podo.http.head import SHORT, bodiless, header_line
from podo.http.limits import Limits
from podo.http.message import Response, Streaming
from podo.http.request import header_name
from podo.http.serving import Refused

_METHODS = {method.value.encode(): method.value for method in HTTPMethod if method.value != "CONNECT"}
_PSEUDO = frozenset({b":method", b":scheme", b":authority", b":path"})
#: Fields that speak of a connection: HTTP/2 has none of them (8.2.2).
_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_SINGLE = frozenset({"host", "content-length"})
_TARGET = re.compile(rb"/[\x21-\x7e]*", re.DOTALL)
_AUTHORITY = re.compile(rb"[\x21-\x7e]+")
_BAD = re.compile(rb"[\x00\r\n]")


class Head(NamedTuple):
    method: str
    target: str
    raw: list[tuple[bytes, bytes]]
    headers: dict[str, str]


def parse(fields: Fields, limits: Limits) -> Head:
    """The head of a request. Raises Refused."""
    pseudo: dict[bytes, bytes] = {}
    raw: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        if not name.startswith(b":"):
            raw.append((bytes(name), bytes(value)))
        elif raw or name in pseudo or name not in _PSEUDO:
            raise Refused(400, "pseudo-headers must be known, come first and only once")
        else:
            pseudo[bytes(name)] = bytes(value)
    method = _METHODS.get(pseudo.get(b":method", b""))
    if method is None:
        raise Refused(400, "not a method that is served here")
    path = pseudo.get(b":path", b"")
    if len(path) > limits.url:
        raise Refused(414, f"the URL is longer than {limits.url} bytes")
    if not _TARGET.fullmatch(path):
        raise Refused(400, "the request target must be a path")
    if pseudo.get(b":scheme") not in (b"https", b"http"):
        raise Refused(400, "the request has no scheme that is served here")
    headers = _headers(raw, limits)
    _check_authority(pseudo.get(b":authority"), headers)
    return Head(method, path.decode("ascii"), raw, headers)


def _headers(raw: list[tuple[bytes, bytes]], limits: Limits) -> dict[str, str]:
    """The fields by name, joined."""
    if len(raw) > limits.header_count:
        raise Refused(431, f"the request has more than {limits.header_count} headers")
    if sum([len(name) + len(value) + 4 for name, value in raw]) > limits.head:
        raise Refused(431, f"the headers are longer than {limits.head} bytes")
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = header_name(raw_name), raw_value.decode("latin-1")
        if name in _CONNECTION or _BAD.search(raw_value) or (name == "te" and value != "trailers"):
            raise Refused(400, f"a request of HTTP/2 cannot have this header: {name}")
        if name in headers:
            if name in _SINGLE:
                raise Refused(400, f"the request has more than one {name}")
            value = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}"
        headers[name] = value
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise Refused(400, "the content-length is not a number")
    return headers


def _check_authority(authority: bytes | None, headers: dict[str, str]) -> None:
    """Handlers find it as ``host``, as of HTTP/1.1."""
    host = headers.get("host")
    if authority is None:
        if not host:
            raise Refused(400, "the request has no authority")
        return
    if not _AUTHORITY.fullmatch(authority) or (host is not None and host.encode("latin-1") != authority):
        raise Refused(400, "the authority is not one host, or not the Host")
    headers["host"] = authority.decode("ascii")


@lru_cache(maxsize=512)
def _start(status: int, content_type: str) -> tuple[tuple[bytes, bytes], ...]:
    start = ((b":status", b"%d" % status),)
    if not content_type:
        return start
    header_line("content-type", content_type)
    return (*start, (b"content-type", content_type.encode("latin-1", "replace")))


def _field(name: str, value: str) -> tuple[bytes, bytes]:
    header_line(name, value)
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")


_short_field = lru_cache(maxsize=512)(_field)


def response_fields(response: Response | Streaming, length: int | None) -> list[tuple[bytes, bytes]]:
    """The fields of an answer; ``length`` of its body where it is known. ValueError for what is no header."""
    fields = list(_start(response.status, response.content_type))
    for name, value in response.headers:
        fields.append(_short_field(name, value) if len(value) <= SHORT else _field(name, value))
    if length is not None and not bodiless(response.status):
        fields.append((b"content-length", b"%d" % length))
    return fields
