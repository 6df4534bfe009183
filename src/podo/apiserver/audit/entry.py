"""What is taken down of one request while it is carried out: strings and bytes, none of its sockets or streams."""

from __future__ import annotations

from dataclasses import dataclass, field

from podo.apiserver.audit.policy import Question, Verdict
from podo.apiserver.call import Call
from podo.authn.user import User


@dataclass(slots=True)
class Entry:
    """One event to be. Times are wall seconds; ``code`` 0: not answered yet."""

    verdict: Verdict
    stage: str
    audit_id: str
    asked: Question
    version: str  # of the API, "" for other paths
    uri: str
    user: User
    acting: User | None  # who was impersonated
    source: str
    agent: str
    received: float
    time: float
    code: int = 0
    sent: bytes | None = None
    sent_type: str = ""
    answered: bytes | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that waiting for the journal takes, about."""
        return 1000 + len(self.uri) + len(self.sent or b"") + len(self.answered or b"")


def question_of(call: Call, user: User) -> Question:
    kind = call.kind
    resource = f"{kind.plural}/{call.subresource}" if call.subresource else kind.plural
    return Question(user.name, user.groups, call.verb, kind.group, resource, call.namespace, call.name)


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def question_of_path(method: str, path: str, user: User) -> Question:
    """What a path below ``/apis`` asks for whose kinds only another server knows."""
    parts = path.strip("/").split("/")
    group, rest = (parts[1], parts[3:]) if len(parts) > 3 else ("", [])
    if not rest:
        return Question(user.name, user.groups, method.lower(), path=path)
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
    resource, name, *more = [*(rest[2:] if namespace else rest), ""]
    verb = _VERBS.get(method) or ("get" if name else "list")
    if verb == "delete" and not name:
        verb = "deletecollection"
    subresource = f"/{more[0]}" if more and more[0] else ""
    return Question(user.name, user.groups, verb, group, resource + subresource, namespace, name)
