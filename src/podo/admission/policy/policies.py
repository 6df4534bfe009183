"""All policies of one kind with their bindings, compiled: told of each change, asked with each write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import orjson

from podo.admission import matching
from podo.admission.concerned import Concerned
from podo.api.kind import Kind, Obj

if TYPE_CHECKING:
    from podo.admission.policy.compiled import Binding, Policy


class Bound(NamedTuple):
    """A policy in force: it has bindings."""

    policy: Policy
    bindings: tuple[Binding, ...]


class Policies:
    """False while no policy is bound. Ordered by the names of policies, then of bindings.

    A policy is compiled when the first write comes that it may be about; CEL is loaded with the first binding.
    """

    def __init__(self) -> None:
        self._stored: dict[str, Obj] = {}
        self._compiled: dict[str, Policy] = {}
        self._bindings: dict[str, Binding] = {}
        self._in_force: tuple[str, ...] = ()
        self.concerned = Concerned(self._covering)

    def __bool__(self) -> bool:
        return bool(self._in_force)

    def policy_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        """A policy's bytes as now stored, None if it is gone."""
        old = self._stored.pop(key, None)
        if value is not None:
            self._stored[key] = obj = orjson.loads(value)
            if old is not None and old["spec"] == obj["spec"]:
                return  # its status
        self._compiled.pop(key, None)
        self._changed()

    def binding_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        self._bindings.pop(key, None)
        if value is not None:
            from podo.admission.policy.compiled import binding_of

            self._bindings[key] = binding_of(orjson.loads(value))
        self._changed()

    def _changed(self) -> None:
        bound = {binding.policy for binding in self._bindings.values()}
        found = [key for key, policy in self._stored.items() if policy["metadata"]["name"] in bound]
        self._in_force = tuple(sorted(found))
        self.concerned.forget()

    def _covering(self, kind: Kind, operation: str, subresource: str) -> Iterator[Bound]:
        for key in self._in_force:
            constraints = self._stored[key]["spec"].get("matchConstraints")
            if matching.criteria_of_policy(constraints).covers(kind, operation, subresource):
                policy = self._policy(key)
                yield Bound(policy, tuple(self._bindings_of(policy, kind, operation, subresource)))

    def _policy(self, key: str) -> Policy:
        found = self._compiled.get(key)
        if found is None:
            from podo.admission.policy.compiled import policy_of

            found = self._compiled[key] = policy_of(self._stored[key])
        return found

    def _bindings_of(self, policy: Policy, kind: Kind, operation: str, subresource: str) -> Iterator[Binding]:
        for _, binding in sorted(self._bindings.items()):
            covers = binding.criteria is None or binding.criteria.covers(kind, operation, subresource)
            if binding.policy == policy.name and covers:
                yield binding
