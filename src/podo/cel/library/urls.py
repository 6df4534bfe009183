"""URLs: ``isURL``, ``url`` and the parts of one, as Go's net/url reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import CelError, Opaque

_TYPE = "kubernetes.URL"
_absolute = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.S).fullmatch
_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_port = re.compile(r":([0-9]*)$").search
_PATH = "/-_.~!$&'()*+,;=:@%"
_MAX_LENGTH, _MAX_PARAMETERS = 64 * 1024, 10_000


@dataclass(frozen=True, slots=True)
class Url(Opaque):
    scheme: str
    host: str
    path: str
    query: str

    cel_type = _TYPE


def parse(text: str) -> Url:
    """An absolute URI or an absolute path. Raises CelError."""

    def wrong(why: str) -> CelError:
        return CelError(f'URL parse error during conversion from string: parse "{text[:256]}": {why}')

    if not text or len(text) > _MAX_LENGTH:
        raise wrong("empty url" if not text else "too long")
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise wrong("net/url: invalid control character in URL")
    if text.startswith("/"):
        path, _, query = text.partition("#")[0].partition("?")
        scheme = host = ""
        if path.startswith("//") and not path.startswith("///"):
            host, _, rest = path[2:].partition("/")
            path = f"/{rest}" if rest or path[2:].endswith("/") else ""
    else:
        found = _absolute(text)
        if found is None:
            raise wrong("invalid URI for request")
        scheme, host, path, query = (part or "" for part in found.groups())
        if found[2] is None and not path.startswith("/"):
            raise wrong("invalid URI for request")
    return _checked(Url(scheme.lower(), host.rpartition("@")[2], path, query), wrong)


def _checked(found: Url, wrong: object) -> Url:
    assert callable(wrong)
    if bad := _bad_escape(found.path):
        raise wrong(f'invalid URL escape "{found.path[bad.start() : bad.start() + 3]}"')
    after = found.host.rpartition("]")[2] if found.host.startswith("[") else found.host
    if ":" in after and not _port(after):
        raise wrong(f'invalid port ":{after.partition(":")[2]}" after host')
    if " " in found.host:
        raise wrong('invalid character " " in host name')
    return found


def _hostname(found: Url) -> str:
    if found.host.startswith("["):
        return found.host[1:].partition("]")[0]
    return found.host.partition(":")[0]


def _port_of(found: Url) -> str:
    after = found.host.rpartition("]")[2] if found.host.startswith("[") else found.host
    port = _port(after)
    return port[1] if port else ""


def _escaped_path(found: Url) -> str:
    return quote(found.path, safe=_PATH)


def _query(found: Url) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(found.query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise CelError("too many query parameters") from None
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return values


def _is_url(text: str) -> bool:
    try:
        parse(text)
    except CelError:
        return False
    return True


FUNCTIONS: tuple[Function, ...] = (
    function("url", "string", _TYPE, parse, cost=tenth),
    function("isURL", "string", "bool", _is_url, cost=tenth),
    method("getScheme", _TYPE, "string", lambda found: found.scheme),
    method("getHost", _TYPE, "string", lambda found: unquote(found.host)),
    method("getHostname", _TYPE, "string", _hostname),
    method("getPort", _TYPE, "string", _port_of),
    method("getEscapedPath", _TYPE, "string", _escaped_path),
    method("getQuery", _TYPE, "map<string, list<string>>", _query),
)
