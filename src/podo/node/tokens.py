"""The tokens of the pods' service accounts: asked for when a pod starts, asked for again at 80 % of their life.

Source: "ServiceAccount token volume projection" of the Kubernetes documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.client.contract import Client
from podo.runtime.clock import Clock
from podo.values import timestamp

#: When this part of its life is over, or a day, a token is replaced.
LIFE_PART, DAY = 0.8, 24 * 3600.0
MOST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Kept:
    token: str
    renew_at: float  # wall time


class Tokens:
    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str, int], Kept] = {}

    async def token(self, pod: Obj, audience: str, seconds: int) -> str:
        """A token for ``audience`` ("": the API server), bound to the pod. Raises ApiError and Unreachable."""
        key = (uid_of(pod), audience, seconds)
        kept = self._kept.get(key)
        now = self._clock.now()
        if kept is None or now >= kept.renew_at:
            self._kept.pop(key, None)
            kept = self._kept[key] = await self._ask(pod, audience, seconds, now)
            if len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return kept.token

    async def _ask(self, pod: Obj, audience: str, seconds: int, now: float) -> Kept:
        reference = {"apiVersion": "v1", "kind": "Pod", "name": name_of(pod), "uid": uid_of(pod)}
        spec: Obj = {"expirationSeconds": seconds, "boundObjectRef": reference}
        if audience:
            spec["audiences"] = [audience]
        account = pod["spec"].get("serviceAccountName") or "default"
        metadata = {"name": account, "namespace": namespace_of(pod)}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": metadata, "spec": spec}
        status = (await self._client.create(request, subresource="token"))["status"]
        life = timestamp.parse(status["expirationTimestamp"]) - now
        return Kept(status["token"], now + min(life * LIFE_PART, DAY))
