"""Objects to bytes and back: JSON and YAML request bodies, the stored form, and the splice that puts a revision into
it. The stored form is ``{"apiVersion":..,"kind":..,"metadata":{..},...`` without resourceVersion; ``stamp`` adds it
without decoding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from podo.api.errors import ApiError, bad_request
from podo.api.kind import Obj

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
#: As messages list what a body or an answer may be.
ACCEPTED = f"{JSON}, {YAML}, {PROTOBUF}"

#: The largest body of one object, as upstream's default for requests that write.
MAX_BODY = 3 * 1024 * 1024
#: The deepest nesting of an object; what is deeper could not be encoded again.
MAX_DEPTH = 200

_METADATA = b'"metadata":{'
_AFTER = len(_METADATA)
_BRACE = ord("}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body. ``duplicates``, when asked for: messages as strict decoding words them, such as
    ``duplicate field "spec.replicas"``.
    """

    obj: Obj
    duplicates: list[str]


def encode(obj: Obj) -> bytes:
    """The stored form of an object: apiVersion, kind and metadata first, no resourceVersion. Does not change ``obj``.

    Raises ApiError (BadRequest) for an object nested too deeply and TypeError for one that is not JSON.
    """
    found = obj.get("metadata") or {}
    if "resourceVersion" in found:
        found = dict(found)
        del found["resourceVersion"]
    ordered = {"apiVersion": "", "kind": "", "metadata": found, **obj}
    ordered["metadata"] = found
    return dumps(ordered)


def dumps(value: Any) -> bytes:
    """Any JSON value as it is served. Raises ApiError (BadRequest) when it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError as problem:
        if "ecursion" in str(problem):
            raise bad_request(_too_deep()) from None
        raise


def stamp(value: bytes, revision: int) -> bytes:
    """Put ``"resourceVersion":"N"`` first into the metadata of an encoded object."""
    if value[value.index(_METADATA) + _AFTER] == _BRACE:
        return value.replace(_METADATA, b'"metadata":{"resourceVersion":"%d"' % revision, 1)
    return value.replace(_METADATA, b'"metadata":{"resourceVersion":"%d",' % revision, 1)


def load(value: bytes) -> Obj:
    """The object of stored (stamped) bytes, which were made by ``encode`` and so need no checks."""
    found: Obj = orjson.loads(value)
    return found


def media_type(content_type: str) -> str:
    """``application/json; charset=utf-8`` as ``application/json``; JSON if there is none."""
    return content_type.partition(";")[0].strip().lower() or JSON


def decode(data: bytes, content_type: str = JSON, *, want_duplicates: bool = False, limit: int = MAX_BODY) -> Decoded:
    """Decode a request body of one object.

    Raises ApiError: RequestEntityTooLarge, UnsupportedMediaType, or BadRequest for what is malformed, too deep or not
    an object.
    """
    value, duplicates = decode_value(data, content_type, want_duplicates=want_duplicates, limit=limit)
    if not isinstance(value, dict):
        what = "an empty body" if value is None else f"a JSON {_json_name(value)}"
        raise bad_request(f"couldn't get version/kind; json parse error: expected an object, found {what}")
    return Decoded(value, duplicates)


def decode_value(
    data: bytes, content_type: str = JSON, *, want_duplicates: bool = False, limit: int = MAX_BODY
) -> tuple[Any, list[str]]:
    """Like ``decode`` for any JSON value: a JSON patch is a list."""
    if len(data) > limit:
        raise ApiError("RequestEntityTooLarge", f"limit is {limit}")
    media = media_type(content_type)
    if media == JSON or media.endswith("+json"):
        return _decode_json(data, want_duplicates)
    if media in (YAML, "text/yaml", "application/x-yaml") or media.endswith("+yaml"):
        from podo.api import yaml_reader  # PyYAML is slow to import

        return yaml_reader.decode(data, MAX_DEPTH)
    why = f"the body of the request was in an unknown format - accepted media types include: {ACCEPTED}"
    raise ApiError("UnsupportedMediaType", why)


def decode_documents(data: bytes, *, limit: int = MAX_BODY) -> list[Obj]:
    """All objects of a YAML (or JSON) manifest, documents separated by ``---``, without empty ones. Raises ApiError."""
    if len(data) > limit:
        raise ApiError("RequestEntityTooLarge", f"limit is {limit}")
    if data.lstrip().startswith(b"{"):
        try:
            return [decode(data, JSON, limit=limit).obj]
        except ApiError:
            pass  # a YAML document may begin so too
    from podo.api import yaml_reader

    found = [value for value, _ in yaml_reader.documents(data, MAX_DEPTH) if value is not None]
    for value in found:
        if not isinstance(value, dict):
            raise bad_request(f"a manifest holds objects, found a {_json_name(value)}")
    return found


def _decode_json(data: bytes, want_duplicates: bool) -> tuple[Any, list[str]]:
    if not data.strip():
        return None, []
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise bad_request(f"couldn't get version/kind; json parse error: {problem}") from None
    # Only a body with that many brackets can be that deep.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise bad_request(_too_deep())
    return value, _json_duplicates(data, value) if want_duplicates else []


def _too_deep() -> str:
    return f"json parse error: exceeded max depth of {MAX_DEPTH}"


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit + 1):
        inner = [one for outer in level for one in (outer.values() if isinstance(outer, dict) else outer)]
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _json_duplicates(data: bytes, value: Any) -> list[str]:
    """What clients send is mostly compact: then encoding again gives the same bytes, and nothing was said twice."""
    if orjson.dumps(value) == data.strip():
        return []
    twice: dict[int, list[str]] = {}

    def gather(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            twice[id(made)] = [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
            dropped.append(made)
        return made

    dropped: list[dict[str, Any]] = []  # keeps them alive, so that no id is given twice
    tree = json.loads(data, object_pairs_hook=gather, parse_int=str, parse_float=str)
    return list(_duplicate_paths(tree, twice, "")) if twice else []


def _duplicate_paths(value: Any, twice: dict[int, list[str]], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        at = f"{path}." if path else ""
        for key in dict.fromkeys(twice.get(id(value), ())):
            yield f'duplicate field "{at}{key}"'
        for key, inner in value.items():
            yield from _duplicate_paths(inner, twice, f"{at}{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _duplicate_paths(inner, twice, f"{path}[{index}]")


_NAMES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def _json_name(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)
