"""What a request for a resource of another server asks for, read from method and path alone: its kinds are not known
here. Pure."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

from podo.api.errors import bad_request
from podo.api.kind import Kind
from podo.apiserver.call import Call
from podo.apiserver.parameters import Query, is_true
from podo.authn.user import User

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
#: Subresources of namespaces; anything else behind a namespace is a resource in it.
_OF_NAMESPACES = ("status", "finalize")


def call_of(method: str, path: str, query: Query, user: User) -> Call | None:
    """The call that a request to ``/apis/GROUP/VERSION/...`` is; None where the path names no resource. Raises
    BadRequest for a path that the other server may read as another one."""
    parts = [unquote(part) for part in path.split("/") if part]
    if any("/" in part or part in (".", "..") for part in parts):
        raise bad_request("the path may have neither dot segments nor encoded slashes")
    group, version, rest = parts[1], parts[2], parts[3:]
    if not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    kind = _kind(group, version, resource, bool(namespace))
    return Call(_verb(method, name, query), kind, namespace, name, subresource, user)


def _verb(method: str, name: str, query: Query) -> str:
    verb = _VERBS.get(method, "")
    if verb == "get" and is_true(query.get("watch")):
        return "watch"
    if name:
        return verb
    return {"get": "list", "delete": "deletecollection"}.get(verb, verb)


@lru_cache(maxsize=1024)
def _kind(group: str, version: str, plural: str, namespaced: bool) -> Kind:
    """All that can be known of a kind that is another's."""
    return Kind(group=group, version=version, kind="", plural=plural, namespaced=namespaced)
