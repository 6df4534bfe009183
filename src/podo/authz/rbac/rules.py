"""One role, compiled: its rules by verb and resource, so that a question costs a few look-ups however many there are.

The meaning of a rule: "Using RBAC Authorization" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.authz.attributes import Attributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """The API groups and object names that a rule is limited to; no names: all of them."""

    groups: frozenset[str]
    names: frozenset[str]

    def holds(self, asked: Attributes) -> bool:
        if self.names and asked.name not in self.names:
            return False
        return asked.group in self.groups or ALL in self.groups


class CompiledRole:
    """What one Role or ClusterRole allows. ``rules``: as they are written."""

    __slots__ = ("_compiled", "_paths", "_resources", "rules")

    def __init__(self, rules: Iterable[Obj]) -> None:
        self.rules = tuple(rules)
        self._resources: dict[tuple[str, str], list[Scope]] = {}
        self._paths: dict[str, list[str]] = {}
        self._compiled = False  # at the first question: most default roles are never asked

    def _compile(self) -> None:
        self._compiled = True
        for rule in self.rules:
            self._add(rule)

    def _add(self, rule: Obj) -> None:
        scope = Scope(frozenset(rule.get("apiGroups") or ()), frozenset(rule.get("resourceNames") or ()))
        for verb in rule.get("verbs") or ():
            for resource in rule.get("resources") or ():
                self._resources.setdefault((verb, resource), []).append(scope)
            if urls := rule.get("nonResourceURLs"):
                self._paths.setdefault(verb, []).extend(urls)

    def allows(self, asked: Attributes) -> bool:
        if not self._compiled:
            self._compile()
        if asked.path:
            return any(path_matches(url, asked.path) for verb in (asked.verb, ALL) for url in self._paths.get(verb, ()))
        known = self._resources
        for resource in spellings(asked):
            for verb in (asked.verb, ALL):
                for scope in known.get((verb, resource), ()):
                    if scope.holds(asked):
                        return True
        return False


def spellings(asked: Attributes) -> tuple[str, ...]:
    """How a rule may name the resource that is asked for."""
    if asked.subresource:
        return f"{asked.resource}/{asked.subresource}", ALL, f"*/{asked.subresource}"
    return asked.resource, ALL


def path_matches(url: str, path: str) -> bool:
    """``/healthz``, ``/healthz/*``, ``*``."""
    if url in (ALL, path):
        return True
    return url.endswith(ALL) and path.startswith(url.rstrip(ALL))
