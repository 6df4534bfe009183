"""RBAC: may this user do this? Decided from the roles and bindings in the store, compiled; answers are kept until one
of those changes.
"""

from __future__ import annotations

import orjson

from podo.api.kind import Obj
from podo.authz.attributes import Attributes, Decision, length
from podo.authz.following import follow
from podo.authz.rbac.index import RbacIndex
from podo.storage.contract import Store

GROUP = "rbac.authorization.k8s.io"
PREFIX = f"/{GROUP}/"
Rules = tuple[list[Obj], list[str]]


class RbacAuthorizer:
    #: Kept answers; dropped together when there are this many. Questions with more text are answered anew each time.
    KEPT, MOST_TEXT = 50_000, 1024

    def __init__(self) -> None:
        self.index = RbacIndex()
        self._answers: dict[Attributes, Decision] = {}

    async def start(self, store: Store) -> None:
        await follow(store, PREFIX, self._told)

    def _told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        plural, _, rest = key[len(PREFIX) :].partition("/")
        namespace, _, name = rest.rpartition("/")
        obj = orjson.loads(value) if value is not None else None
        self.put(plural, namespace, name, obj)

    def put(self, plural: str, namespace: str, name: str, obj: Obj | None) -> None:
        """A role or binding is new, changed or (None) gone."""
        if plural in ("roles", "clusterroles"):
            self.index.set_role((namespace, name), obj)
        elif plural in ("rolebindings", "clusterrolebindings"):
            self.index.set_binding((namespace, name), obj)
        self._answers.clear()

    def decide(self, asked: Attributes) -> Decision:
        answer = self._answers.get(asked)
        if answer is None:
            if len(self._answers) >= self.KEPT:
                self._answers.clear()
            answer = self._decide(asked)
            if length(asked) <= self.MOST_TEXT:
                self._answers[asked] = answer
        return answer

    def _decide(self, asked: Attributes) -> Decision:
        errors = []
        for grant in self.index.grants(asked.user, asked.groups, asked.namespace):
            role = self.index.role(grant.role)
            if role is None:
                errors.append(grant.missing())
            elif role.allows(asked):
                return Decision(True, f"RBAC: allowed by {grant.described()}")
        return Decision(False, f"RBAC: {_joined(errors)}" if errors else "")

    def rules_for(self, user: str, groups: tuple[str, ...], namespace: str) -> Rules:
        """Every rule that holds for a user in a namespace, and what could not be resolved."""
        return self.index.rules(user, groups, namespace)


def _joined(errors: list[str]) -> str:
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else "[" + ", ".join(distinct) + "]"
