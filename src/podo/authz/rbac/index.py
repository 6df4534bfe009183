"""All roles and bindings of a cluster, indexed by subject: fed with objects, asked for what a user has where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from podo.api.kind import Obj
from podo.authz.rbac.rules import CompiledRole

#: Namespace ("" at the cluster scope) and name.
Place = tuple[str, str]


class Grant(NamedTuple):
    """One subject of one binding."""

    binding: Place
    role_kind: str
    role: Place
    subject: str  # as shown: User "jane"

    def described(self) -> str:
        """Upstream's words: ``RoleBinding "readers/default" of Role "reader" to User "jane"``."""
        namespace, name = self.binding
        what = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
        return f'{what} of {self.role_kind} "{self.role[1]}" to {self.subject}'

    def missing(self) -> str:
        """Upstream's words where there is no such role."""
        return f'{self.role_kind.lower()}.rbac.authorization.k8s.io "{self.role[1]}" not found'


class RbacIndex:
    """Changing it costs as much as the changed object is large; a question costs the bindings of its subjects."""

    def __init__(self) -> None:
        self._roles: dict[Place, CompiledRole] = {}
        self._bindings: dict[Place, list[tuple[str, Grant]]] = {}
        #: subject -> namespace ("" for ClusterRoleBindings) -> binding -> grant
        self._grants: dict[str, dict[str, dict[Place, Grant]]] = {}

    # Feeding

    def set_role(self, place: Place, role: Obj | None) -> None:
        if role is None:
            self._roles.pop(place, None)
        else:
            self._roles[place] = CompiledRole(role.get("rules") or ())

    def set_binding(self, place: Place, binding: Obj | None) -> None:
        for subject, _ in self._bindings.pop(place, ()):
            self._remove(subject, place)
        if binding is None:
            return
        granted = list(_grants(place, binding))
        self._bindings[place] = granted
        for subject, grant in granted:
            self._grants.setdefault(subject, {}).setdefault(place[0], {}).setdefault(place, grant)

    def _remove(self, subject: str, place: Place) -> None:
        scopes = self._grants.get(subject, {})
        scope = scopes.get(place[0], {})
        scope.pop(place, None)
        if not scope:
            scopes.pop(place[0], None)
        if not scopes:
            self._grants.pop(subject, None)

    # Asking

    def grants(self, user: str, groups: tuple[str, ...], namespace: str) -> Iterator[Grant]:
        """What holds for a user at the cluster scope and, where one is given, in a namespace."""
        subjects = (f"u:{user}", *(f"g:{group}" for group in groups))
        for scope in ("", namespace) if namespace else ("",):
            for subject in subjects:
                if scopes := self._grants.get(subject):
                    yield from scopes.get(scope, {}).values()

    def role(self, place: Place) -> CompiledRole | None:
        return self._roles.get(place)

    def rules(self, user: str, groups: tuple[str, ...], namespace: str) -> tuple[list[Obj], list[str]]:
        """All rules that a user has there, and what could not be found."""
        rules: list[Obj] = []
        errors: list[str] = []
        for grant in self.grants(user, groups, namespace):
            role = self._roles.get(grant.role)
            if role is None:
                errors.append(grant.missing())
            else:
                rules.extend(role.rules)
        return rules, errors


def role_place(namespace: str, role: Obj) -> Place:
    """Where the role is that a binding in ``namespace`` names."""
    return (namespace if role.get("kind") == "Role" else "", role.get("name") or "")


def _grants(place: Place, binding: Obj) -> Iterator[tuple[str, Grant]]:
    role = binding.get("roleRef") or {}
    for subject in binding.get("subjects") or ():
        key, shown = _subject(subject, place[0])
        if key:
            yield key, Grant(place, role.get("kind") or "", role_place(place[0], role), shown)


def _subject(subject: Obj, near: str) -> tuple[str, str]:
    """``near``: the binding's namespace, whose accounts need not say theirs."""
    kind, name = subject.get("kind"), subject.get("name") or ""
    if kind == "User":
        return f"u:{name}", f'User "{name}"'
    if kind == "Group":
        return f"g:{name}", f'Group "{name}"'
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or ""
        key = f"u:system:serviceaccount:{namespace or near}:{name}"
        return key if namespace or near else "", f'ServiceAccount "{name}/{namespace}"'
    return "", ""
