"""Who may use the kubelet's port: the API server always; others as the API server says, asked by a TokenReview whose a
token is and by a SubjectAccessReview whether its user may do this to the node. Answers are kept for a while.

Source: "Kubelet authentication/authorization" of the Kubernetes documentation; KEP-2862 (fine-grained).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from hashlib import sha256
from typing import Any, Generic, TypeVar

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.parts.systemnames import MASTERS
from podo.authn.clientcert import authenticate, end_of
from podo.authn.user import User
from podo.client.contract import Client, Unreachable
from podo.http.message import Request
from podo.runtime.clock import Clock

#: The user of the API server's client certificate for kubelets.
API_SERVER = "kube-apiserver-kubelet-client"
#: Seconds for which answers are believed.
TOKEN_SECONDS, ALLOWED_SECONDS, REFUSED_SECONDS = 120.0, 300.0, 30.0
MAX_TOKEN = 16_384
_KEPT = 1000
#: First part of the path -> the subresource of ``nodes`` that is asked for before ``nodes/proxy``, which is everything.
_SUBRESOURCES = {"stats": "stats", "metrics": "metrics", "logs": "log"}
_FINE = {"pods": "pods", "runningpods": "pods", "healthz": "healthz", "configz": "configz"}
#: What does something in a pod is no reading: a WebSocket begins with a GET.
_ACTS = frozenset({"exec", "attach", "portForward", "run"})
_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(Generic[K, V]):
    """Answers, each until its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        until, answer = self._answers.get(key, (0.0, None))
        return answer if until > self._clock.monotonic() else None

    def put(self, key: K, answer: V, seconds: float) -> None:
        self._answers.pop(key, None)
        self._answers[key] = self._clock.monotonic() + seconds, answer
        if len(self._answers) > _KEPT:
            self._answers.popitem(last=False)


class OnlyApiServer:
    """Without anybody to ask: the API server and administrators, by their certificates."""

    async def check(self, request: Request) -> None:
        """Raises Unauthorized or Forbidden."""
        user = authenticate(request.peer.certificate, request.peer.notes)
        if user is None:
            raise ApiError("Unauthorized", "Unauthorized")
        if not is_trusted(user):
            raise ApiError("Forbidden", f'user "{user.name}" may not use this node\'s kubelet')


def is_trusted(user: User) -> bool:
    return user.name == API_SERVER or MASTERS in user.groups


class Delegated:
    """``client``: the kubelet's own, of the node of this name."""

    def __init__(self, client: Client, node: str, clock: Clock) -> None:
        self._client = client
        self._node = node
        self._clock = clock
        self._users: _Kept[bytes, User | str] = _Kept(clock)
        self._decisions: _Kept[tuple[User, str, str], tuple[bool, str]] = _Kept(clock)

    async def check(self, request: Request) -> None:
        """Raises Unauthorized or Forbidden; ServiceUnavailable where the API server cannot be asked."""
        certificate, notes = request.peer.certificate, request.peer.notes
        if certificate is not None and self._clock.now() >= end_of(certificate, notes):
            raise ApiError("Unauthorized", "Unauthorized")
        user = authenticate(certificate, notes)
        if user is not None and is_trusted(user):
            return
        user = user or await self._of_token(request)
        first = request.path.split("/")[1]
        verb = "create" if first in _ACTS else _VERBS.get(request.method, request.method.lower())
        wanted = _SUBRESOURCES.get(first) or _FINE.get(first) or "proxy"
        asked = [wanted, "proxy"] if first in _FINE else [wanted]
        for subresource in asked:
            allowed, reason = await self._may(user, verb, subresource)
            if allowed:
                return
        text = f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{' '.join(asked)}])"
        raise ApiError("Forbidden", f"{text}: {reason}" if reason else text)

    async def _of_token(self, request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN:
            raise ApiError("Unauthorized", "Unauthorized")
        key = sha256(token.encode("latin-1", "replace")).digest()
        found = self._users.get(key)
        if found is None:
            status = await self._review("authentication.k8s.io/v1", "TokenReview", {"token": token})
            found = _user(status["user"]) if status.get("authenticated") is True else "no"
            self._users.put(key, found, TOKEN_SECONDS if isinstance(found, User) else REFUSED_SECONDS)
        if isinstance(found, str):
            raise ApiError("Unauthorized", "Unauthorized")
        return found

    async def _may(self, user: User, verb: str, subresource: str) -> tuple[bool, str]:
        key = user, verb, subresource
        known = self._decisions.get(key)
        if known is not None:
            return known
        resource = {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": self._node}
        spec: dict[str, Any] = {"user": user.name, "groups": list(user.groups), "resourceAttributes": resource}
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = {name: list(values) for name, values in user.extra}
        status = await self._review("authorization.k8s.io/v1", "SubjectAccessReview", spec)
        decision = status.get("allowed") is True, str(status.get("reason") or "")
        self._decisions.put(key, decision, ALLOWED_SECONDS if decision[0] else REFUSED_SECONDS)
        return decision

    async def _review(self, version: str, kind: str, spec: Obj) -> dict[str, Any]:
        try:
            found = await self._client.create({"apiVersion": version, "kind": kind, "metadata": {}, "spec": spec})
        except (Unreachable, ApiError) as failure:
            raise ApiError("ServiceUnavailable", f"the API server cannot be asked: {failure}") from failure
        status: dict[str, Any] = found.get("status") or {}
        return status


def _user(info: Obj) -> User:
    extra = {str(key): tuple(map(str, values)) for key, values in (info.get("extra") or {}).items()}
    groups = tuple(map(str, info.get("groups") or ()))
    return User(str(info.get("username", "")), groups, str(info.get("uid") or ""), tuple(sorted(extra.items())))
