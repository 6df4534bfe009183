"""The control plane in one process: API server, controllers and scheduler over one store.

``podo server`` runs it on sockets, ``podo.lab`` in virtual time: the same composition, with another store, clock and
chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from podo import controllers
from podo.admission.configuration import AdmissionSettings
from podo.admission.podsecurity.policy import Settings as PodSecurity
from podo.api.kind import Obj
from podo.apiserver.aggregating import AggregatingClient
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config as ApiConfig
from podo.apiserver.calling.connections import Trust
from podo.apiserver.extension.aggregation.identity import authentication_configmap
from podo.apiserver.local import LocalClient
from podo.apiserver.resourcemetrics.asking import AskNodes
from podo.apiserver.resourcemetrics.meter import Meter
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.authn.keys import TokenKeys
from podo.authn.settings import AuthenticationSettings
from podo.authn.tokens import ISSUER
from podo.authn.user import account_groups, account_name
from podo.authz.settings import AuthorizationSettings
from podo.client.cache import Cache
from podo.client.contract import Client
from podo.client.customsources import CustomSources
from podo.client.events import EventRecorder
from podo.client.extensionsources import ExtensionSources
from podo.cluster import podresourcemetrics
from podo.cluster.adapters import AdapterAnswers
from podo.cluster.bootstrap import bootstrap, create_or_replace
from podo.cluster.defaultservicecidr import DefaultServiceCIDR
from podo.cluster.jobsyncs import JobSyncs
from podo.cluster.kubernetesservice import Address, KubernetesService
from podo.cluster.legacytokenuse import LegacyTokenUse
from podo.cluster.signing import signer
from podo.cluster.why import chain
from podo.cluster.why.answering import Explainer
from podo.cluster.workmetrics import WorkMetrics
from podo.reconcile.metrics import families as queue_families
from podo.reconcile.runner import Runner
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.metrics import Family
from podo.runtime.tasks import Tasks, sleep
from podo.storage.contract import Store

if TYPE_CHECKING:
    from podo.scheduler.scheduler import Scheduler

#: Seconds of history that are kept for watches and paged lists (as kube-apiserver's etcd compaction interval).
COMPACTION_SECONDS = 300.0
#: As whom the cache reads, which controllers share, and controllers act that have no account of their own.
MANAGER = "system:kube-controller-manager"
#: What /readyz waits for: the first objects of every cluster.
_BOOTSTRAP = ("bootstrap-controller", "scheduling/bootstrap-system-priority-classes")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the control plane must know of its cluster. ``server_address``: where pods reach the API server."""

    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    kubernetes_ip: str = "10.96.0.1"
    dns_ip: str = "10.96.0.10"
    server_address: str = "192.0.2.1"
    server_port: int = 6443
    #: Who issues service-account tokens: a name under which nothing has to answer.
    issuer: str = ISSUER
    #: PEM of the key that signs them; without one, one is made and lost with the process.
    token_key: bytes | None = field(default=None, repr=False)
    #: PEM of the CA that pods are to believe (ConfigMap kube-root-ca.crt), and the CA's key, which signs certificates.
    ca: bytes = b""
    ca_key: bytes = field(default=b"", repr=False)
    #: Pod Security of namespaces without labels, and who is exempt.
    pod_security: PodSecurity = field(default_factory=PodSecurity)
    #: The certificate that extension API servers are shown, and the PEM of its CA, which they are to believe.
    front_proxy: Trust = field(default_factory=Trust)
    front_proxy_ca: bytes = b""
    #: What admission plug-ins are told: who is asked about images.
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    #: Who else is believed, and how: issuers of tokens, a webhook; who comes without credentials.
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    #: Who is asked whether a request may be made, and in which order.
    authorization: AuthorizationSettings = field(default_factory=AuthorizationSettings)
    #: A KubeSchedulerConfiguration, as YAML or JSON; without one the default profile.
    scheduler: bytes = b""


def _unchanged(client: Client) -> Client:
    return client


def _problem(part: Callable[[], Runner | Scheduler | None]) -> str:
    found = part()
    return "" if found is not None and found.running else "not running"


class ControlPlane:
    """``kubelet``: how nodes' kubelets are reached, for logs and streams. ``through`` wraps the clients of
    controllers and
    scheduler: where the lab puts its faults."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        chance: Chance,
        settings: Settings,
        *,
        kubelet: KubeletAccess | None = None,
        through: Callable[[Client], Client] = _unchanged,
        checked: bool = False,
    ) -> None:
        self._store = store
        self._settings = settings
        keys = TokenKeys(settings.token_key)
        api = ApiConfig(
            service_cidr=settings.service_cidr,
            issuer=settings.issuer,
            pod_security=settings.pod_security,
            front_proxy=settings.front_proxy,
            front_proxy_ca=settings.front_proxy_ca,
            admission=settings.admission,
            authentication=settings.authentication,
            authorization=settings.authorization,
        )
        self.api = ApiServer(store, clock, chance, api, kubelet=kubelet, keys=keys)
        for hook in _BOOTSTRAP:
            self.api.health.await_hook(hook)
        self.client: Client = LocalClient(self.api)
        manager = through(AggregatingClient(self.api, MANAGER))
        binder = through(LocalClient(self.api, "system:kube-scheduler", ()))
        self.cache = Cache(manager, (), clock=clock, chance=chance, checked=checked)
        CustomSources(self.cache)
        self._work, self._job_syncs = WorkMetrics(self.cache, clock), JobSyncs()
        extensions, kinds = ExtensionSources(self.cache), self.api.extension_kinds
        kinds.listeners.append(lambda: extensions.follow((one.name, one.namespaced) for one in kinds.collectable))
        sign = signer(settings.ca, settings.ca_key, clock) if settings.ca_key else None
        self._adapters = AdapterAnswers(self.api.read_extension, clock)
        wanted = controllers.declarations(
            settings.pod_cidr, settings.ca.decode(), sign, self.api.backend.tokens.issue_legacy, self._adapters
        )
        clients = {each.account: through(self._acting_as(each.account)) for each in wanted if each.account}
        tellers = {each.component: clients[each.account] for each in wanted if each.account}
        self.recorder = EventRecorder(manager, clock, chance, component="controller-manager", clients=tellers)
        seen = {"job": self._job_syncs.seen}
        self.runner = Runner(wanted, manager, self.cache, clock, chance, self.recorder, clients=clients, observers=seen)
        self.scheduler_recorder = EventRecorder(binder, clock, chance, component="default-scheduler")
        self._binder, self._clock, self._chance = binder, clock, chance
        #: What each node that runs in this process uses, by its name (a Summary of the kubelet).
        self.summaries: dict[str, Callable[[], Obj]] = {}
        self._meter = Meter(store, clock, AskNodes(kubelet, self.summaries))
        self.scheduler: Scheduler | None = None  # until start_scheduler
        self.api.pages.explain = chain.ASKED, Explainer(self.client, self._scheduling).explain
        self._tell()
        self._tasks = Tasks("controlplane")
        self.api.backend.tokens.note_use = LegacyTokenUse(self.client, self._tasks).note
        address = Address(settings.kubernetes_ip, settings.server_address, settings.server_port)
        self._kubernetes = KubernetesService(self.client, address, self._tasks)
        self._service_cidr = DefaultServiceCIDR(self.client, settings.service_cidr, self._tasks)

    def _acting_as(self, account: str) -> Client:
        """The client of a controller, as a service account that need not exist: nobody asks for a token of it."""
        user, groups = account_name("kube-system", account), account_groups("kube-system")
        return AggregatingClient(self.api, user, groups, program="kube-controller-manager")

    def _scheduling(self) -> Scheduler | None:
        return self.scheduler if self.scheduler is not None and self.scheduler.running else None

    def _tell(self) -> None:
        """Let the API server tell of the others: their health (ComponentStatus) and their metrics."""
        parts = {"controller-manager": lambda: self.runner, "scheduler": lambda: self.scheduler}
        for name, part in parts.items():
            self.api.components[name] = partial(_problem, part)
        self.api.backend.metrics.collectors.append(self._families)
        self.api.backend.metrics.pages["/metrics/resources"] = partial(podresourcemetrics.families, self.cache)

    def _families(self) -> Iterable[Family]:
        yield from queue_families(self.runner.queues())
        yield from self._work.families()
        yield from self._job_syncs.families()
        if self.scheduler is not None:
            yield from self.scheduler.metrics()

    async def start(self) -> None:
        """Open the store and make the first objects; from here on the API can be served."""
        await self._store.open()
        await self.api.start()
        self._meter.serve(self.api.backend)
        s = self._settings
        await self._service_cidr.ensure()
        await bootstrap(self.client, dns_ip=s.dns_ip)
        await self._kubernetes.ensure()
        if s.ca:
            await create_or_replace(self.client, authentication_configmap(s.ca.decode(), s.front_proxy_ca.decode()))
        self.api.health.passed(*_BOOTSTRAP)
        self._tasks.spawn(self._compact(), "compaction")

    async def start_loops(self) -> None:
        """Start what works on the objects: the cache and the controllers."""
        await self.recorder.start()
        await self.cache.start()
        for each in (self._service_cidr, self._kubernetes):
            each.standing.keep(self.cache)
        await self.runner.start()
        self._meter.start()

    async def start_scheduler(self) -> None:
        """The last part: it imports numpy, which is a fifth of a start and which no node waits for."""
        from podo.scheduler.configuration import parse
        from podo.scheduler.scheduler import Scheduler

        await self.scheduler_recorder.start()
        recorder = self.scheduler_recorder
        chosen = parse(self._settings.scheduler) if self._settings.scheduler else None
        self.scheduler = Scheduler(self._binder, self.cache, self._clock, self._chance, recorder, configuration=chosen)
        await self.scheduler.start()

    def idle(self) -> bool:
        """Have controllers and scheduler nothing at work? (Timers do not count.)"""
        return self.runner.idle() and (self.scheduler is None or self.scheduler.idle)

    async def stop(self) -> None:
        await self.runner.stop()
        if self.scheduler:
            await self.scheduler.stop()
        for part in (self._adapters, self._meter, self.cache, self.recorder, self.scheduler_recorder, self._tasks):
            await part.stop()
        await self.api.close()
        await self._store.close()

    async def _compact(self) -> None:
        """Every few minutes forget the history from before the last time; nothing is written when nothing has
        changed."""
        before = self._store.revision
        while True:
            await sleep(COMPACTION_SECONDS)
            now = self._store.revision
            if now == before:
                await self._next_change()
            if before > self._store.oldest and now != before:
                await self._store.compact(before)
            before = now

    async def _next_change(self) -> None:
        changes = self._store.watch("/", after=self._store.revision)
        try:
            await changes.wait()
        finally:
            changes.close()
