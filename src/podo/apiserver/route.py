"""From a path to what it names: a resource, one of its objects, a subresource. Lookups only, no patterns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote

from podo.api.kind import Kind
from podo.apiserver import served
from podo.apiserver.served import Served

#: Longer paths name nothing.
MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """A path of a resource. ``rest``: what follows ``/proxy``, percent-encoded as it came ("/a/b", "/" or "").
    ``watched``: the path itself says that it is for a watch."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    watched: bool = False


#: Finds the kind of (group, version, plural).
Find = Callable[[str, str, str], Kind | None]


def route(path: str, kinds: Served | None = None) -> Route | None:
    """What a path (percent-encoded, without the query) names; None if no resource has it. ``kinds``: custom ones."""
    found = _built_in(path)
    if found is None and kinds is not None and kinds.custom and path.startswith("/apis/"):
        return _parsed(path, kinds.custom_resource)
    return found


def _built_in(path: str) -> Route | None:
    if "/proxy/" in path:
        own, rest = _before_proxied(path)
        found = _remembered(own) if len(own) <= MAX_PATH else None
        return replace(found, rest=rest) if found is not None and rest else found
    return _remembered(path) if len(path) <= MAX_PATH else None


def _before_proxied(path: str) -> tuple[str, str]:
    """The path up to ``/proxy`` and the rest, which names something elsewhere."""
    parts = path.split("/", 8)
    at = 7 if parts[3:4] == ["namespaces"] else 5
    if parts[1] != "api" or parts[at : at + 1] != ["proxy"]:
        return path, ""
    own = "/".join(parts[: at + 1])
    return own, path[len(own) :]


@lru_cache(maxsize=4096)
def _remembered(path: str) -> Route | None:
    return _parsed(path, served.resource)


def _parsed(path: str, find: Find) -> Route | None:
    if len(path) > MAX_PATH:
        return None
    parts = [unquote(part) for part in path.split("/")[1:]] if "%" in path else path.split("/")[1:]
    if "%" in path and any("/" in part for part in parts):
        return None  # no name has a slash in it
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not rest[-1]:
        rest.pop()
    watched = rest[:1] == ["watch"]  # deprecated paths: /api/v1/watch/pods
    if watched:
        rest = rest[1:]
    if not rest or not all(rest[:4]):
        return None
    found = _resource(find, group, version, rest)
    if not watched or found is None:
        return found
    return None if found.subresource else replace(found, watched=True)


def _resource(find: Find, group: str, version: str, parts: list[str]) -> Route | None:
    if parts[0] == "namespaces" and len(parts) > 2:
        kind = find(group, version, parts[2])
        if kind is not None and kind.namespaced:
            return _named(kind, parts[1], parts[3:])
    kind = find(group, version, parts[0])
    if kind is None or (kind.namespaced and len(parts) > 1):
        return None
    return _named(kind, "", parts[1:])


def _named(kind: Kind, namespace: str, parts: list[str]) -> Route | None:
    if len(parts) > 1 and parts[1] not in kind.subresources:
        return None
    if len(parts) > 2:
        return None
    name = parts[0] if parts else ""
    return Route(kind, namespace, name, parts[1] if len(parts) > 1 else "")
