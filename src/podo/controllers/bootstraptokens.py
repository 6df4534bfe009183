"""Bootstrap tokens: expired ones are removed (token cleaner); those for signing sign the kubeconfig of the ConfigMap
kube-public/cluster-info, so that who has a token can trust what anybody could send (bootstrap signer).

Source: "Authenticating with Bootstrap Tokens" of the Kubernetes documentation; RFC 7515 (JWS, detached, HS256).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, namespace_of
from podo.authn import bootstrapsecret
from podo.authn.bootstrapsecret import NAMESPACE, SIGNING, TYPE, BootstrapToken, Unusable
from podo.reconcile.actions import Action, CheckAgain, Delete, Update
from podo.reconcile.declare import Declaration, Key, View

CLUSTER_INFO = Key("kube-public", "cluster-info")
KUBECONFIG = "kubeconfig"
_SIGNATURE = "jws-kubeconfig-"


def _is_token(secret: Obj) -> bool:
    return secret.get("type") == TYPE and namespace_of(secret) == NAMESPACE


def _clean(key: Key, view: View) -> Iterator[Action]:
    secret = view.get("Secret", key.name, key.namespace)
    if secret is None or not _is_token(secret) or is_deleting(secret):
        return
    expires = bootstrapsecret.expiry_of(secret, view.now)
    if expires is None:
        return
    if expires <= view.now:
        yield Delete(secret)
    else:
        yield CheckAgain(expires - view.now)


CLEANER = Declaration("tokencleaner", "Secret", _clean)


def _sign(key: Key, view: View) -> Iterator[Action]:
    info = view.get("ConfigMap", key.name, key.namespace) if key == CLUSTER_INFO else None
    if info is None or is_deleting(info):
        return
    data = info.get("data") or {}
    if KUBECONFIG not in data:
        return
    wanted = {name: text for name, text in data.items() if not name.startswith(_SIGNATURE)}
    for token in _signers(view):
        wanted[_SIGNATURE + token.id] = detached(token, data[KUBECONFIG])
    if wanted != data:
        yield Update({**info, "data": wanted})


def _signers(view: View) -> Iterator[BootstrapToken]:
    for secret in view.list("Secret", NAMESPACE):
        if _is_token(secret):
            try:
                yield bootstrapsecret.read(secret, SIGNING, view.now)
            except Unusable:
                continue


def detached(token: BootstrapToken, content: str) -> str:
    """The JWS of ``content`` without the content: head and signature with two dots between."""
    head = _encoded(json.dumps({"alg": "HS256", "kid": token.id}, separators=(",", ":")).encode())
    said = f"{head}.{_encoded(content.encode())}"
    return f"{head}..{_encoded(hmac.digest(token.secret, said.encode(), hashlib.sha256))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _wake(secret: Obj, view: View) -> Iterator[Key]:
    if _is_token(secret):
        yield CLUSTER_INFO


SIGNER = Declaration("bootstrapsigner", "ConfigMap", _sign, watches={"Secret": _wake})
