"""What a request for a resource of another server asks for, read from method and path alone: its kinds are not known
here. Pure."""

from __future__ import annotations

from urllib.parse import unquote

from podo.authn.user import User
from podo.authz.attributes import Attributes

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
#: Subresources of namespaces; anything else behind a namespace is a resource in it.
_OF_NAMESPACES = ("status", "finalize")


def attributes_of(method: str, path: str, query: dict[str, str], user: User) -> Attributes:
    """The question to the authorizer about a request to ``/apis/GROUP/VERSION[/...]``."""
    parts = [unquote(part) for part in path.split("/") if part]
    group, rest = parts[1], parts[3:]
    if not rest:
        verb = "get" if method == "HEAD" else method.lower()
        return Attributes(user.name, user.groups, verb, path=path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    verb = _verb(method, name, query)
    fields = query.get("fieldSelector", "") if verb in ("list", "watch", "deletecollection") else ""
    return Attributes(user.name, user.groups, verb, group, resource, subresource, namespace, name, fields=fields)


def _verb(method: str, name: str, query: dict[str, str]) -> str:
    verb = _VERBS.get(method, "")
    if verb == "get" and query.get("watch") in ("true", "1"):
        return "watch"
    if name:
        return verb
    return {"get": "list", "delete": "deletecollection"}.get(verb, verb)
