"""Token Secrets: a Secret of type kubernetes.io/service-account-token gets a token of the account that it names, which
is good as long as both exist; it goes with its account, and the account's list of secrets forgets one that is gone.

The signing is handed in. Source: "Manually manage long-lived API tokens" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of
from podo.reconcile.actions import Action, Delete, EnsureAbsent, Update
from podo.reconcile.declare import Declaration, Key, View

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"

#: In a key: a Secret, which is gone, of an account. No name has it.
_OF = "/"

#: The token for an account (first) that a Secret (second) is to hold.
Issue = Callable[[Obj, Obj], str]


def tokensecrets(issue: Issue, ca: str) -> Declaration:
    """``ca``: PEM of the CA that the API server's certificate is from."""

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        if _OF in key.name:
            yield from _forgotten(key, view)
            return
        secret = view.get("Secret", key.name, key.namespace)
        if secret is None or is_deleting(secret) or secret.get("type") != TYPE:
            return
        name, uid = annotations_of(secret).get(NAME, ""), annotations_of(secret).get(UID, "")
        account = view.get("ServiceAccount", name, key.namespace)
        if account is None or (uid and uid != uid_of(account)):
            yield EnsureAbsent("ServiceAccount", key.namespace, name, uid)
            yield Delete(secret)
            return
        data = secret.get("data") or {}
        wanted = {**data, **({"ca.crt": _encoded(ca)} if ca else {})}
        wanted["namespace"] = data.get("namespace") or _encoded(key.namespace)
        wanted.setdefault("token", "")
        if data != wanted or not uid or not wanted["token"]:
            wanted["token"] = wanted["token"] or _encoded(issue(account, secret))
            annotations = {**annotations_of(secret), UID: uid_of(account)}
            yield Update({**secret, "metadata": {**secret["metadata"], "annotations": annotations}, "data": wanted})

    return Declaration("tokensecrets", "Secret", reconcile, watches={"ServiceAccount": _its_secrets, "Secret": _listed})


def _its_secrets(account: Obj, view: View) -> Iterator[Key]:
    for secret in view.list("Secret", namespace_of(account)):
        if secret.get("type") == TYPE and annotations_of(secret).get(NAME) == name_of(account):
            yield Key(namespace_of(secret), name_of(secret))


def _listed(secret: Obj, view: View) -> Iterator[Key]:
    """What lists a token Secret that is gone; other Secrets are the business of whoever has listed them."""
    if secret.get("type") != TYPE or view.get("Secret", name_of(secret), namespace_of(secret)) is not None:
        return
    name, uid = annotations_of(secret).get(NAME, ""), annotations_of(secret).get(UID, "")
    account = view.get("ServiceAccount", name, namespace_of(secret))
    if account is not None and uid in ("", uid_of(account)):
        yield Key(namespace_of(secret), f"{name_of(secret)}{_OF}{name}")


def _forgotten(key: Key, view: View) -> Iterator[Action]:
    """The account without a Secret that is gone among its secrets."""
    secret, _, name = key.name.partition(_OF)
    account = view.get("ServiceAccount", name, key.namespace)
    if account is None or view.get("Secret", secret, key.namespace) is not None:
        return
    left = [each for each in account.get("secrets") or () if each.get("name") != secret]
    if len(left) < len(account.get("secrets") or ()):
        rest = {field: value for field, value in account.items() if field != "secrets"}
        yield Update({**rest, **({"secrets": left} if left else {})})


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
