"""Certificates of pods (podCertificate volumes): a key is made, a PodCertificateRequest created, its signer waited for,
and another one made when the certificate is to be renewed.

Keys are in memory and in the pods' volumes only; after a restart of the agent every pod gets a new one. A request that
is denied or fails is not repeated: its pod is told why and waits, as upstream (KEP-4317).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.certificates.podcertificaterequest import outcome
from podo.api.meta import name_of, namespace_of, revision_of, uid_of
from podo.client.contract import Client, Event, Unreachable
from podo.client.reflector import Reflector, Source
from podo.node.certificates import keys
from podo.node.environment import ConfigProblem
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, within
from podo.values import timestamp

log = Logger("podo.node.podcertificates")

KIND = "PodCertificateRequest"
#: How long a pod that starts waits for its signer before it says so and tries again.
ISSUE_SECONDS = 10.0

#: ``(pod, reason, message)``: a Warning about the pod.
Tell = Callable[[Obj, str, str], None]
#: Whose volume: a pod's uid, the volume's name, which of its sources.
Place = tuple[str, str, int]


@dataclass(slots=True)
class _Asked:
    """A request that nobody has decided on yet."""

    name: str
    namespace: str
    revision: int
    pod: Obj
    key: bytes = field(repr=False)
    decided: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Credential:
    key: bytes = field(default=b"", repr=False)
    chain: bytes = b""
    renew_at: float = 0.0  # wall time
    refused: str = ""
    asked: _Asked | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Identities:
    """The uids that a request names besides the pod's."""

    node_uid: str
    account_uid: str


Identify = Callable[[], Awaitable[Identities]]


class PodCertificates:
    """``on_issued`` is told the uid of a pod that has a new certificate to be written into its volume."""

    def __init__(
        self, client: Client, clock: Clock, chance: Chance, node: str, tell: Tell, on_issued: Callable[[str], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._chance = chance
        self._node = node
        self._tell = tell
        self._on_issued = on_issued
        self._tasks = Tasks(f"pod-certificates/{node}")
        self._following = False
        self._revision = 0
        self._kept: dict[Place, _Credential] = {}

    async def files(self, place: Place, pod: Obj, source: Obj, identify: Identify) -> tuple[bytes, bytes]:
        """The key (PEM) and the chain (PEM, the leaf first). Raises ConfigProblem while there is none."""
        credential = self._kept.setdefault(place, _Credential())
        if credential.chain:
            if self._clock.now() >= credential.renew_at and not credential.refused:
                await self._renew(credential, pod, source, identify)
            return credential.key, credential.chain
        if not credential.refused:
            asked = await self._ask(credential, pod, source, identify)
            await self._decision(asked)
        if credential.chain:
            return credential.key, credential.chain
        raise ConfigProblem(credential.refused or "the PodCertificateRequest is gone, another one will be made")

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for place in [place for place in self._kept if place[0] == uid]:
            del self._kept[place]

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _renew(self, credential: _Credential, pod: Obj, source: Obj, identify: Identify) -> None:
        """Ask for the next one. What fails is tried again with the next look: there is one that is good."""
        try:
            await self._ask(credential, pod, source, identify)
        except (ConfigProblem, ApiError, Unreachable) as failure:
            log.warning("certificate not renewed, will try again", pod=name_of(pod), why=str(failure))

    async def _ask(self, credential: _Credential, pod: Obj, source: Obj, identify: Identify) -> _Asked:
        """The request that is under way, made if there is none."""
        async with credential.asking:
            if credential.asked is None:
                key = await asyncio.to_thread(keys.make, source["keyType"])
                made = await self._client.create(_request(self._node, pod, source, await identify(), key.request))
                namespace = namespace_of(pod)
                credential.asked = _Asked(name_of(made), namespace, revision_of(made), pod, key.pem)
                self._follow()
            return credential.asked

    @staticmethod
    async def _decision(asked: _Asked) -> None:
        try:
            await within(ISSUE_SECONDS, asked.decided.wait())
        except TimeoutError as late:
            why = f"PodCertificateRequest {asked.namespace}/{asked.name} is not issued yet"
            raise ConfigProblem(why) from late

    # Following the requests of this node

    def _follow(self) -> None:
        """From the first request on: a node without such pods watches nothing."""
        if not self._following:
            self._following = True
            source = Source(KIND, fields=f"spec.nodeName={self._node}")
            self._tasks.spawn(Reflector(self._client, source, self, self._clock, self._chance).run(), "requests")

    def revision(self, kind: str) -> int:
        return self._revision

    def replace(self, kind: str, items: list[Obj], revision: int) -> None:
        """All requests there are (``podo.client.reflector.Sink``)."""
        self._revision = revision
        known = {(namespace_of(request), name_of(request)) for request in items}
        for request in items:
            self._look_at(request)
        for credential, asked in self._waiting():
            if asked.revision <= revision and (asked.namespace, asked.name) not in known:
                self._lost(credential, asked)

    def apply(self, kind: str, events: Sequence[Event]) -> None:
        for event in events:
            self._revision = revision_of(event.object)
            if event.type != "BOOKMARK":
                self._look_at(event.object, gone=event.type == "DELETED")

    def _waiting(self) -> Iterator[tuple[_Credential, _Asked]]:
        for credential in list(self._kept.values()):
            if credential.asked:
                yield credential, credential.asked

    def _look_at(self, request: Obj, *, gone: bool = False) -> None:
        for credential, asked in self._waiting():
            if (asked.namespace, asked.name) == (namespace_of(request), name_of(request)):
                if decided := outcome(request):
                    self._settle(credential, asked, request, decided)
                elif gone:
                    self._lost(credential, asked)

    def _settle(self, credential: _Credential, asked: _Asked, request: Obj, decided: str) -> None:
        status = request["status"]
        credential.asked = None
        if decided == "Issued":
            credential.key, credential.chain = asked.key, status["certificateChain"].encode()
            credential.renew_at = timestamp.parse(status["beginRefreshAt"])
        else:
            condition = next(each for each in status["conditions"] if each.get("type") == decided)
            why, said = condition.get("reason") or "", condition.get("message") or ""
            verb = "was denied" if decided == "Denied" else "failed"
            credential.refused = (
                f'PodCertificateRequest {asked.namespace}/{asked.name} {verb}, reason="{why}", message="{said}"'
            )
            self._tell(asked.pod, decided, credential.refused)
        asked.decided.set()
        self._on_issued(uid_of(asked.pod))

    @staticmethod
    def _lost(credential: _Credential, asked: _Asked) -> None:
        """Removed before anybody decided: the next who asks makes another one."""
        credential.asked = None
        asked.decided.set()


def _request(node: str, pod: Obj, source: Obj, identities: Identities, encoded: str) -> Obj:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": name_of(pod), "uid": uid_of(pod)}
    spec = {
        "signerName": source["signerName"],
        "podName": name_of(pod),
        "podUID": uid_of(pod),
        "serviceAccountName": pod["spec"].get("serviceAccountName") or "default",
        "serviceAccountUID": identities.account_uid,
        "nodeName": node,
        "nodeUID": identities.node_uid,
        "maxExpirationSeconds": source.get("maxExpirationSeconds") or 86400,
        "stubPKCS10Request": encoded,
    }
    if annotations := source.get("userAnnotations"):
        spec["unverifiedUserAnnotations"] = annotations
    metadata = {"generateName": "req-", "namespace": namespace_of(pod), "ownerReferences": [owner]}
    return {"apiVersion": "certificates.k8s.io/v1", "kind": KIND, "metadata": metadata, "spec": spec}
