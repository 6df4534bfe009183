"""/openapi/v2 (JSON, protobuf) and /openapi/v3: made at the first request, in slices, and kept as bytes with ETags.

What comes and goes with custom kinds is made a group version at a time: the others' parts are kept encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache, partial
from typing import Any

import orjson

from podo import version
from podo.api import registry
from podo.api.encoding import dumps
from podo.api.schema import openapi, openapi_protobuf
from podo.apiserver.served import Kinds, Served
from podo.http.message import Response
from podo.runtime.slices import in_slices, rest

_YEAR = 365 * 24 * 3600


async def openapi_answer(
    kinds: Served, path: str, etag_seen: str, accept: str = "", digest: str = "", now: float = 0.0
) -> Response | None:
    """The answer of an OpenAPI path, or None if there is no such document. ``digest``: of the document of a group
    version that is meant, as the index has it (``?hash=``): then it may be kept, for it never changes."""
    return await in_slices(partial(_answer, kinds, path, etag_seen, accept, digest, now))


def _answer(kinds: Served, path: str, etag_seen: str, accept: str, digest: str, now: float) -> Response | None:
    rest()  # one at a time: who asks for what is being made finds it made
    parts = tuple(part for part in path.split("/") if part)
    every = (*registry.all_kinds(), *kinds.custom)
    if parts == ("openapi", "v2"):
        if openapi_protobuf.is_asked_for(accept):
            return _cached(*_v2(every, openapi_protobuf.message), etag_seen, openapi_protobuf.MEDIA_TYPE)
        return _cached(*_v2(every, _as_json), etag_seen)
    if parts == ("openapi", "v3"):
        return _cached(*_index(every), etag_seen)
    if parts[:2] == ("openapi", "v3"):
        found = _by_path(every).get("/".join(parts[2:]))
        if found is not None:
            return _of_digest(path, digest, now, _cached(*_v3(found), etag_seen))
    return None


def _of_digest(path: str, digest: str, now: float, answer: Response) -> Response:
    etag = dict(answer.headers)["ETag"].strip('"')
    if not digest:
        return answer
    if digest != etag:
        return Response(301, b"", "text/plain; charset=utf-8", [("Location", f"{path}?hash={etag}")])
    expires = formatdate(now + _YEAR, usegmt=True)
    answer.headers = (*answer.headers, ("Cache-Control", "public, immutable"), ("Expires", expires))
    return answer


def _cached(body: bytes, etag: str, etag_seen: str, media: str = "application/json") -> Response:
    headers = [("ETag", etag), ("Vary", "Accept")]
    return Response(304, b"", headers=headers) if etag_seen == etag else Response(200, body, media, headers=headers)


def _with_etag(body: bytes) -> tuple[bytes, str]:
    return body, f'"{openapi.digest(body)}"'


@lru_cache(maxsize=4)
def _by_path(every: Kinds) -> dict[str, Kinds]:
    """``apis/apps/v1`` -> the kinds of that group version."""
    found: dict[str, Kinds] = {}
    for kind in every:
        place = openapi.group_version_path(kind.group, kind.version).strip("/")
        found[place] = (*found.get(place, ()), kind)
    return found


def _as_json(_: str, value: openapi.Document) -> orjson.Fragment:
    return orjson.Fragment(dumps(value))


@lru_cache(maxsize=4)
def _v2(every: Kinds, encode: Callable[[str, openapi.Document], Any]) -> tuple[bytes, str]:
    """``encode``: what its parts are kept as."""
    built_in = registry.all_kinds()
    groups = (built_in, *_by_path(every[len(built_in) :]).values())
    document = openapi.v2_whole([_v2_part(kinds, encode) for kinds in groups], version.GIT_VERSION)
    return _with_etag(dumps(document) if encode is _as_json else openapi_protobuf.encode(document))


@lru_cache(maxsize=256)
def _v2_part(kinds: Kinds, encode: Callable[[str, openapi.Document], Any]) -> openapi.Part:
    return openapi.v2_part(kinds, encode)


@lru_cache(maxsize=256)
def _v3(kinds: Kinds) -> tuple[bytes, str]:
    """The document of one group version; those whose kinds have not changed are not made again."""
    return _with_etag(dumps(openapi.v3_document(kinds, version.GIT_VERSION)))


@lru_cache(maxsize=4)
def _index(every: Kinds) -> tuple[bytes, str]:
    places = sorted(_by_path(every).items())
    hashes = {(kinds[0].group, kinds[0].version): _v3(kinds)[1].strip('"') for _, kinds in places}
    return _with_etag(dumps(openapi.v3_index(hashes)))
