"""``GET /apis/why.podo.dev/v1/namespaces/{namespace}/{resource}/{name}``: why an object is not as wanted, down to the
cause; without the namespace for a Node or a Namespace. What ``podo why`` asks.

It is a group of podo's own and no subresource of pods, because it answers for workloads, claims and nodes alike, and
because discovery of the groups that are upstream's stays what it is upstream; for the same reason it is not announced
itself. It is read-only and computed when asked for: nothing is written to the object, and nothing is done before.

Authorization is that of the objects: the asker must be allowed to ``get`` the object, and sees of others what they may
``list``; where pods could go is told to those who may list nodes. What was not looked at is named in ``unseen``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from podo.api import registry
from podo.api.encoding import dumps
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.apiserver import answers
from podo.apiserver.negotiate import Form
from podo.authn.user import User
from podo.authz.attributes import Attributes, Authorizer, refusal
from podo.http.message import Response

API_VERSION = "why.podo.dev/v1"
ROOT = f"/apis/{API_VERSION}/"


@dataclass(frozen=True, slots=True)
class Question:
    """Why is this object not as wanted, and what may the asker see? ``may(verb, kind, namespace, name)``."""

    kind: Kind
    namespace: str
    name: str
    may: Callable[[str, str, str, str], bool]


#: Answers with a document. Raises ApiError.
Explain = Callable[[Question], Awaitable[Obj]]


async def answer(
    path: str, user: User, authorizer: Authorizer, kinds: Sequence[str], explain: Explain, form: Form
) -> Response:
    """``kinds``: those that can be asked about. Raises ApiError."""
    kind, namespace, name = named(path, kinds)

    def decided(verb: str, kind: Kind, namespace: str, name: str) -> str:
        """ "" where it is allowed, else the words of the refusal."""
        within = namespace if kind.namespaced else ""
        asked = Attributes(user.name, user.groups, verb, kind.group, kind.plural, "", within, name)
        asked = asked._replace(version=kind.version, uid=user.uid, extra=user.extra)
        decision = authorizer.decide(asked)
        return "" if decision.allowed else refusal(asked, decision.reason)

    if refused := decided("get", kind, namespace, name):
        raise ApiError("Forbidden", refused)

    def may(verb: str, kind: str, namespace: str, name: str) -> bool:
        return not decided(verb, registry.named(kind), namespace, name)

    found = await explain(Question(kind, namespace, name, may))
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    whole = {"kind": "Explanation", "apiVersion": API_VERSION, "metadata": metadata, **found}
    return answers.in_media(dumps(whole), form)


def named(path: str, kinds: Sequence[str]) -> tuple[Kind, str, str]:
    """The kind, namespace and name that a path below ``ROOT`` asks about. Raises NotFound."""
    parts = [unquote(part) for part in path.removeprefix(ROOT).split("/")]
    namespace = parts[1] if len(parts) == 4 and parts[0] == "namespaces" else ""
    plural, name = parts[-2] if len(parts) > 1 else "", parts[-1]
    kind = next((each for each in map(registry.named, kinds) if each.plural == plural), None)
    fits = len(parts) == (4 if namespace else 2) and kind is not None and kind.namespaced == bool(namespace)
    if not fits or kind is None or not name:
        raise ApiError("NotFound", f"the server can tell why of: {', '.join(kinds)}")
    return kind, namespace, name
