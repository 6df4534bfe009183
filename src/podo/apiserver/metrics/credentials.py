"""Who has asked, and whether that was believed: metrics of authentication and authorization under upstream's names."""

from __future__ import annotations

from collections.abc import Iterable

from podo.authz.chain import AuthorizerChain
from podo.runtime.metrics import Family, counter

#: Names of users that are told apart until the page is read; upstream's few groups of them come out.
_MOST = 4096
_KNOWN = frozenset({"admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"})


class CredentialMetrics:
    """``users``: requests by the name of the user; ``refused``: those whose credentials were not believed."""

    def __init__(self, authorizer: AuthorizerChain) -> None:
        self._authorizer = authorizer
        self._users: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self.refused = 0

    def seen(self, name: str) -> None:
        users = self._users
        users[name] = users.get(name, 0) + 1
        if len(users) > _MOST:
            self._gather()

    def _gather(self) -> None:
        for name, count in self._users.items():
            known = name if name in _KNOWN else "email_id" if "@" in name else "other"
            self._told[known] = self._told.get(known, 0) + count
        self._users.clear()

    def families(self) -> Iterable[Family]:
        self._gather()
        users = [((name,), float(count)) for name, count in self._told.items()]
        yield counter("authenticated_user_requests", "Requests of users that were believed.", ("username",), users)
        attempts = [(("success",), float(sum(self._told.values()))), (("failure",), float(self.refused))]
        yield counter("authentication_attempts", "Requests by what became of their credentials.", ("result",), attempts)
        names = ("type", "name", "decision")
        decisions = [(labels, float(count)) for labels, count in self._authorizer.decisions.items()]
        text = "Decisions by the authorizer that took them."
        yield counter("apiserver_authorization_decisions_total", text, names, decisions)
