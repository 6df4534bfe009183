"""/openapi/v2 (JSON, protobuf) and /openapi/v3: made once, at the first request, and kept as bytes with their ETags."""

from __future__ import annotations

from functools import lru_cache

from podo import version
from podo.api import registry
from podo.api.encoding import dumps
from podo.api.kind import Kind
from podo.api.schema import openapi, openapi_protobuf
from podo.http.message import Response


def openapi_answer(path: str, etag_seen: str, accept: str = "") -> Response | None:
    """The answer of an OpenAPI path, or None if there is no such document."""
    parts = tuple(part for part in path.split("/") if part)
    if parts == ("openapi", "v2"):
        if openapi_protobuf.is_asked_for(accept):
            return _cached(*_v2_protobuf(), etag_seen, openapi_protobuf.MEDIA_TYPE)
        return _cached(*_v2(), etag_seen)
    if parts == ("openapi", "v3"):
        return _cached(*_index(), etag_seen)
    if parts[:2] == ("openapi", "v3"):
        found = _by_path().get("/".join(parts[2:]))
        if found is not None:
            return _cached(*_v3(*found), etag_seen)
    return None


def _cached(body: bytes, etag: str, etag_seen: str, media: str = "application/json") -> Response:
    headers = [("ETag", etag), ("Vary", "Accept")]
    return Response(304, b"", headers=headers) if etag_seen == etag else Response(200, body, media, headers=headers)


def _with_etag(body: bytes) -> tuple[bytes, str]:
    return body, f'"{openapi.digest(body)}"'


def _kinds(group: str, group_version: str) -> list[Kind]:
    return [kind for kind in registry.all_kinds() if (kind.group, kind.version) == (group, group_version)]


@lru_cache(maxsize=1)
def _by_path() -> dict[str, tuple[str, str]]:
    served = {(kind.group, kind.version) for kind in registry.all_kinds()}
    return {openapi.group_version_path(*one).strip("/"): one for one in served}


@lru_cache(maxsize=1)
def _v2() -> tuple[bytes, str]:
    return _with_etag(dumps(openapi.v2_document(registry.all_kinds(), version.GIT_VERSION)))


@lru_cache(maxsize=1)
def _v2_protobuf() -> tuple[bytes, str]:
    document = openapi.v2_document(registry.all_kinds(), version.GIT_VERSION)
    return _with_etag(openapi_protobuf.encode(document))


@lru_cache(maxsize=128)
def _v3(group: str, group_version: str) -> tuple[bytes, str]:
    return _with_etag(dumps(openapi.v3_document(_kinds(group, group_version), version.GIT_VERSION)))


@lru_cache(maxsize=1)
def _index() -> tuple[bytes, str]:
    hashes = {one: openapi.digest(_v3(*one)[0]) for one in sorted(_by_path().values())}
    return _with_etag(dumps(openapi.v3_index(hashes)))
