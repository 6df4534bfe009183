"""Which FlowSchema a request belongs to: the first, by precedence and then by name, that has a rule for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from podo.api.kind import Obj
from podo.authn.user import account_name


class Asked(NamedTuple):
    """A request as rules see it. ``resource``: ``pods`` or ``pods/status``; ``path`` for what is no resource."""

    user: str
    groups: tuple[str, ...]
    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    path: str = ""


class Schema(NamedTuple):
    """A FlowSchema made ready. ``by``: "ByUser", "ByNamespace" or ""."""

    name: str
    uid: str
    level: str
    precedence: int
    by: str
    rules: tuple[Obj, ...]

    def distinguisher(self, asked: Asked) -> str:
        """What tells flows of this schema apart."""
        return asked.user if self.by == "ByUser" else asked.namespace if self.by == "ByNamespace" else ""


def schema_of(obj: Obj) -> Schema:
    spec = obj["spec"]
    by = (spec.get("distinguisherMethod") or {}).get("type") or ""
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    precedence = spec.get("matchingPrecedence") or 1000
    uid = obj["metadata"].get("uid") or ""
    return Schema(obj["metadata"]["name"], uid, level, precedence, by, tuple(spec.get("rules") or ()))


def in_order(schemas: Iterable[Schema]) -> list[Schema]:
    return sorted(schemas, key=lambda schema: (schema.precedence, schema.name))


def first_match(schemas: Iterable[Schema], asked: Asked) -> Schema | None:
    """``schemas`` in order."""
    return next((schema for schema in schemas if any(_matches(rule, asked) for rule in schema.rules)), None)


def _matches(rule: Obj, asked: Asked) -> bool:
    if not any(_is_subject(subject, asked) for subject in rule.get("subjects") or ()):
        return False
    if asked.path:
        return any(_is_path(entry, asked) for entry in rule.get("nonResourceRules") or ())
    return any(_is_resource(entry, asked) for entry in rule.get("resourceRules") or ())


def _is_subject(subject: Obj, asked: Asked) -> bool:
    test = _SUBJECTS.get(subject.get("kind") or "")
    return test is not None and test(subject, asked)


def _is_user(subject: Obj, asked: Asked) -> bool:
    return subject["user"]["name"] in ("*", asked.user)


def _in_group(subject: Obj, asked: Asked) -> bool:
    name = subject["group"]["name"]
    return name == "*" or name in asked.groups


def _is_account(subject: Obj, asked: Asked) -> bool:
    account: dict[str, Any] = subject["serviceAccount"]
    if account["name"] == "*":
        return asked.user.startswith(account_name(account["namespace"], ""))
    return asked.user == account_name(account["namespace"], account["name"])


_SUBJECTS: dict[str, Callable[[Obj, Asked], bool]] = {
    "User": _is_user,
    "Group": _in_group,
    "ServiceAccount": _is_account,
}


def _has(entry: Obj, field: str, value: str) -> bool:
    values = entry.get(field) or ()
    return "*" in values or value in values


def _is_resource(entry: Obj, asked: Asked) -> bool:
    if not (
        _has(entry, "verbs", asked.verb)
        and _has(entry, "apiGroups", asked.group)
        and _has(entry, "resources", asked.resource)
    ):
        return False
    return _has(entry, "namespaces", asked.namespace) if asked.namespace else bool(entry.get("clusterScope"))


def _is_path(entry: Obj, asked: Asked) -> bool:
    if not _has(entry, "verbs", asked.verb):
        return False
    return any(_path_matches(pattern, asked.path) for pattern in entry.get("nonResourceURLs") or ())


def _path_matches(pattern: str, path: str) -> bool:
    """``*``, ``/healthz``, or ``/healthz/*``, which is everything below."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
