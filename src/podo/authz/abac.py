"""ABAC: a file with one policy a line says who may do what. Any that matches allows; none denies.

Source: "Using ABAC Authorization" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from podo.authz.attributes import Attributes, Decision
from podo.authz.rbac.rules import path_matches

ALL = "*"
_VERSIONS = ("abac.authorization.kubernetes.io/v1beta1",)
_READ = ("get", "list", "watch")
_YES, _NO = Decision(True), Decision(False, "No policy matched.")


class PolicyProblem(ValueError):
    """A line cannot be used; the message names the file, the line and why."""


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    user: str = ""
    group: str = ""
    readonly: bool = False
    apiGroup: str = ""
    resource: str = ""
    namespace: str = ""
    nonResourcePath: str = ""


class _Line(msgspec.Struct):
    apiVersion: str
    kind: str
    spec: _Spec


class Policy(NamedTuple):
    """One line. "*" is everything; "" matches what has none."""

    user: str
    group: str
    read_only: bool
    api_group: str
    resource: str
    namespace: str
    path: str

    def allows(self, asked: Attributes) -> bool:
        if not self._is_about(asked) or (self.read_only and asked.verb not in _READ):
            return False
        if asked.path:
            return bool(self.path) and path_matches(self.path, asked.path)
        return (
            self.namespace in (ALL, asked.namespace)
            and self.resource in (ALL, asked.resource)
            and self.api_group in (ALL, asked.group)
        )

    def _is_about(self, asked: Attributes) -> bool:
        """User and group must both match where both are given; a policy without either is nobody's."""
        if not (self.user or self.group):
            return False
        return (not self.user or self.user in (ALL, asked.user)) and (
            not self.group or self.group == ALL or self.group in asked.groups
        )


class AbacAuthorizer:
    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = tuple(policies)

    def decide(self, asked: Attributes) -> Decision:
        return _YES if any(policy.allows(asked) for policy in self._policies) else _NO


def parse(document: bytes, where: str) -> tuple[Policy, ...]:
    """JSON, a policy a line; empty lines and those that begin with # are skipped. Raises PolicyProblem."""
    found = []
    for number, text in enumerate(document.splitlines(), 1):
        if not text.strip() or text.strip().startswith(b"#"):
            continue
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise PolicyProblem(f"{where}, line {number}: {problem}") from None
        if line.kind != "Policy" or line.apiVersion not in _VERSIONS:
            raise PolicyProblem(f"{where}, line {number}: must be a Policy of {_VERSIONS[0]}")
        s = line.spec
        found.append(Policy(s.user, s.group, s.readonly, s.apiGroup, s.resource, s.namespace, s.nonResourcePath))
    return tuple(found)
