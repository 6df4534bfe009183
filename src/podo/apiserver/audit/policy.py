"""An audit policy (audit.k8s.io/v1): the first rule that matches a request says at which level it is noted.

Whatever a policy says, bodies that hold secrets are never noted: of Secrets, ConfigMaps, token requests and token
reviews there is Metadata at most. Source: "Auditing" of the Kubernetes documentation; the audit.k8s.io/v1 reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from podo.api import configuration


class Level(IntEnum):
    NONE = 0
    METADATA = 1
    REQUEST = 2
    RESPONSE = 3


_LEVELS = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.RESPONSE,
}
LEVEL_NAMES = {level: name for name, level in _LEVELS.items()}
RECEIVED, STARTED, COMPLETE, PANIC = STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
#: (group, resource or resource/subresource) whose bodies nobody is to read in a log.
_NEVER_BODIES = frozenset(
    {
        ("", "secrets"),
        ("", "configmaps"),
        ("", "serviceaccounts/token"),
        ("authentication.k8s.io", "tokenreviews"),
    }
)


class PolicyProblem(ValueError):
    """The policy cannot be used; the message says where and why."""


class Question(NamedTuple):
    """What rules match on. ``path`` is "" for resources; ``resource`` has its subresource behind a slash."""

    user: str
    groups: tuple[str, ...]
    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    level: Level
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


NOTHING = Verdict(Level.NONE)


@dataclass(frozen=True, slots=True)
class Rule:
    verdict: Verdict
    users: frozenset[str]
    groups: frozenset[str]
    verbs: frozenset[str]
    #: (group, resources, resource names) each; empty sets match all.
    resources: tuple[tuple[str, frozenset[str], frozenset[str]], ...]
    namespaces: frozenset[str]
    paths: tuple[str, ...]

    def matches(self, asked: Question) -> bool:
        if self.users and asked.user not in self.users:
            return False
        if self.groups and self.groups.isdisjoint(asked.groups):
            return False
        if self.verbs and asked.verb not in self.verbs and "*" not in self.verbs:
            return False
        if asked.path:
            return self._matches_path(asked.path)
        if self.paths:
            return False
        if self.namespaces and asked.namespace not in self.namespaces:
            return False
        return not self.resources or any(_covers(one, asked) for one in self.resources)

    def _matches_path(self, path: str) -> bool:
        if self.resources or self.namespaces:
            return False
        return not self.paths or any(
            path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in self.paths
        )


def _covers(one: tuple[str, frozenset[str], frozenset[str]], asked: Question) -> bool:
    group, resources, names = one
    if group != asked.group or (names and asked.name not in names):
        return False
    if not resources or asked.resource in resources or "*" in resources:
        return True
    resource, slash, subresource = asked.resource.partition("/")
    return bool(slash) and (f"{resource}/*" in resources or f"*/{subresource}" in resources)


class Policy:
    """``notes_denied``: is a refusal noted (Metadata) even where no rule would?"""

    def __init__(self, rules: Iterable[Rule], *, notes_denied: bool = False) -> None:
        self.rules = tuple(rules)
        self.notes_denied = notes_denied
        #: Do rules name objects?
        self.names_matter = any(names for rule in self.rules for _, _, names in rule.resources)

    def verdict(self, asked: Question) -> Verdict:
        found = next((rule.verdict for rule in self.rules if rule.matches(asked)), NOTHING)
        if found.level > Level.METADATA and (asked.group, asked.resource) in _NEVER_BODIES:
            return Verdict(Level.METADATA, found.omit_stages, found.omit_managed_fields)
        return found


def parse(document: bytes, where: str) -> Policy:
    """A policy in JSON or YAML. Raises PolicyProblem."""
    found = configuration.document(document, where, "Policy", ("audit.k8s.io/v1",), PolicyProblem)
    return policy_of(found, where)


def policy_of(document: dict[str, Any], where: str, *, notes_denied: bool = False) -> Policy:
    """A decoded policy. Raises PolicyProblem."""
    rules = document.get("rules")
    if not isinstance(rules, list) or not rules:
        raise PolicyProblem(f"{where}: rules: at least one is needed")
    try:
        stages = _stages(document.get("omitStages"), where)
        managed = bool(document.get("omitManagedFields"))
        found = [_rule(rule, f"{where}: rules[{number}]", stages, managed) for number, rule in enumerate(rules)]
    except (TypeError, AttributeError, KeyError):
        raise PolicyProblem(f"{where}: fields do not have the types of the API reference") from None
    return Policy(found, notes_denied=notes_denied)


def _rule(rule: dict[str, Any], where: str, stages: frozenset[str], managed: bool) -> Rule:
    level = rule.get("level")
    if level not in _LEVELS:
        raise PolicyProblem(f"{where}.level: {level!r} is none of {', '.join(_LEVELS)}")
    paths = tuple(rule.get("nonResourceURLs") or ())
    if paths and (rule.get("resources") or rule.get("namespaces")):
        raise PolicyProblem(f"{where}: has both nonResourceURLs and resources or namespaces")
    for path in paths:
        if path != "*" and (not path.startswith("/") or "*" in path[:-1]):
            raise PolicyProblem(f"{where}.nonResourceURLs: {path!r} must begin with '/' and have '*' at its end only")
    omitted = rule.get("omitManagedFields")
    verdict = Verdict(
        _LEVELS[level],
        stages | _stages(rule.get("omitStages"), where),
        managed if omitted is None else bool(omitted),
    )
    resources = tuple(
        (one.get("group") or "", frozenset(one.get("resources") or ()), frozenset(one.get("resourceNames") or ()))
        for one in rule.get("resources") or ()
    )
    users, groups, verbs, namespaces = (
        frozenset(rule.get(field) or ()) for field in ("users", "userGroups", "verbs", "namespaces")
    )
    return Rule(verdict, users, groups, verbs, resources, namespaces, paths)


def _stages(named: Any, where: str) -> frozenset[str]:
    for stage in named or ():
        if stage not in STAGES:
            raise PolicyProblem(f"{where}.omitStages: {stage!r} is none of {', '.join(STAGES)}")
    return frozenset(named or ())


#: Every write by its metadata, but for nodes' heartbeats; of everything else who was refused.
DEFAULT = policy_of(
    {
        "omitStages": [RECEIVED],
        "rules": [
            {
                "level": "None",
                "userGroups": ["system:nodes"],
                "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
            },
            {
                "level": "Metadata",
                "verbs": ["create", "update", "patch", "delete", "deletecollection", "post", "put"],
            },
            # By HTTP's verbs these are reads, but they do things.
            {
                "level": "Metadata",
                "resources": [
                    {"resources": ["pods/exec", "pods/attach", "pods/portforward", "*/proxy", "nodes/*"]},
                ],
            },
        ],
    },
    "the default policy",
    notes_denied=True,
)
