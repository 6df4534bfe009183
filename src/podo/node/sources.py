"""ConfigMaps, Secrets, Services, claims and their volumes, trust bundles and other objects as a node reads them: asked
for when a pod needs them, kept for a short while."""

from __future__ import annotations

from typing import TypeVar

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import namespace_of, uid_of
from podo.client.contract import Client
from podo.node.certificates.podcertificates import Identities, PodCertificates
from podo.node.environment import ConfigProblem
from podo.node.tokens import Tokens
from podo.runtime.clock import Clock

K = TypeVar("K")
V = TypeVar("V")

#: How long an answer is used again: a start of many pods with one ConfigMap asks once.
KEPT_SECONDS = 1.0
MOST_KEPT = 1024


class Sources:
    """Answers None for what does not exist; raises ApiError and Unreachable like the client."""

    def __init__(
        self, client: Client, clock: Clock, node: str = "", certificates: PodCertificates | None = None
    ) -> None:
        """``certificates``: of the pods of ``node``; without them, no pod has any."""
        self._node = node
        self._certificates = certificates
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str, str], tuple[float, Obj | None]] = {}
        self._services: dict[str, tuple[float, list[Obj]]] = {}
        self._bundles: dict[str, tuple[float, list[Obj]]] = {}
        self._tokens = Tokens(client, clock)

    async def config_map(self, namespace: str, name: str) -> Obj | None:
        return await self._get("ConfigMap", namespace, name)

    async def secret(self, namespace: str, name: str) -> Obj | None:
        return await self._get("Secret", namespace, name)

    async def token(self, pod: Obj, audience: str, seconds: int) -> str:
        """A token of the pod's service account (``node.tokens``)."""
        return await self._tokens.token(pod, audience, seconds)

    async def runtime_class(self, name: str) -> Obj | None:
        return await self._get("RuntimeClass", "", name)

    async def claim(self, namespace: str, name: str) -> Obj | None:
        return await self._get("PersistentVolumeClaim", namespace, name)

    async def resource_claim(self, namespace: str, name: str) -> Obj | None:
        return await self._get("ResourceClaim", namespace, name)

    async def volume(self, name: str) -> Obj | None:
        return await self._get("PersistentVolume", "", name)

    async def node(self, name: str) -> Obj | None:
        return await self._get("Node", "", name)

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """It has changed: the next who asks gets it anew."""
        self._kept.pop((kind, namespace, name), None)
        if kind == "ClusterTrustBundle":
            self._bundles.clear()

    def forget_pod(self, uid: str) -> None:
        """The pod is gone: what was made for it alone is not needed any more."""
        if self._certificates:
            self._certificates.forget(uid)

    async def stop(self) -> None:
        if self._certificates:
            await self._certificates.stop()

    async def cluster_trust_bundle(self, name: str) -> Obj | None:
        return await self._get("ClusterTrustBundle", "", name)

    async def cluster_trust_bundles(self, signer: str) -> list[Obj]:
        """All bundles of a signer."""
        kept = self._bundles.get(signer)
        if kept and self._clock.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        items = (await self._client.list("ClusterTrustBundle", fields=f"spec.signerName={signer}")).items
        _keep(self._bundles, signer, (self._clock.monotonic(), items))
        return items

    async def pod_certificate(self, pod: Obj, volume: str, index: int, source: Obj) -> tuple[bytes, bytes]:
        """See ``podo.node.certificates.podcertificates``."""
        if self._certificates is None:
            raise ConfigProblem("this node has no pod certificates")
        place = (uid_of(pod), volume, index)
        return await self._certificates.files(place, pod, source, lambda: self._identities(pod))

    async def _identities(self, pod: Obj) -> Identities:
        name = pod["spec"].get("serviceAccountName") or "default"
        account, node = await self._get("ServiceAccount", namespace_of(pod), name), await self.node(self._node)
        if account is None or node is None:
            raise ConfigProblem("the pod's service account, or its node, is not known to the API")
        return Identities(uid_of(node), uid_of(account))

    async def services(self, namespace: str) -> list[Obj]:
        """All Services of a namespace."""
        kept = self._services.get(namespace)
        if kept and self._clock.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        items = (await self._client.list("Service", namespace)).items
        _keep(self._services, namespace, (self._clock.monotonic(), items))
        return items

    async def _get(self, kind: str, namespace: str, name: str) -> Obj | None:
        key = (kind, namespace, name)
        kept = self._kept.get(key)
        if kept and self._clock.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        obj: Obj | None = None
        try:
            obj = await self._client.get(kind, name, namespace)
        except ApiError as refusal:
            if refusal.reason != "NotFound":
                raise
        _keep(self._kept, key, (self._clock.monotonic(), obj))
        return obj


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    kept[key] = value
    if len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)))
