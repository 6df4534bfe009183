"""What every operation of the API server works with: store, clock, chance, settings and the Service allocator."""

from __future__ import annotations

from dataclasses import dataclass, field

from podo.admission.configuration import AdmissionSettings
from podo.admission.imagepolicy import ImagePolicy
from podo.admission.podsecurity.policy import Settings as PodSecurity
from podo.admission.request import Convert
from podo.admission.resourcequota.accounts import Accounts
from podo.api.kind import Kind
from podo.apiserver.allocation import Allocator
from podo.apiserver.calling.caller import Caller
from podo.apiserver.calling.connections import Trust
from podo.apiserver.fanout import FanOut
from podo.apiserver.metrics.page import ApiMetrics
from podo.apiserver.policies import AdmissionPolicies
from podo.apiserver.served import Served
from podo.apiserver.webhooks import Webhooks
from podo.authn.settings import AuthenticationSettings
from podo.authn.tokens import ISSUER, TokenAuthenticator
from podo.authz.chain import AuthorizerChain
from podo.authz.settings import AuthorizationSettings
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.storage.contract import Store


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the API server. Sizes are in bytes, times in seconds."""

    service_cidr: str = "10.96.0.0/16"
    node_ports: tuple[int, int] = (30000, 32767)
    body_limit: int = 3 << 20
    watch_seconds: float = (
        1800.0  # shortest life of a watch that names no timeout; a random one up to twice as long is taken
    )
    bookmark_seconds: float = 60.0
    issuer: str = ISSUER  # of service-account tokens
    front_proxy: Trust = field(default_factory=Trust)  # the certificate that extension API servers are shown
    pod_security: PodSecurity = field(default_factory=PodSecurity)
    front_proxy_ca: bytes = b""  # PEM of who signs the certificates of authenticating proxies
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)  # of plug-ins
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    authorization: AuthorizationSettings = field(default_factory=AuthorizationSettings)


@dataclass(frozen=True, slots=True)
class Backend:
    """One value a server; operations take it as their first parameter."""

    store: Store
    clock: Clock
    chance: Chance
    config: Config
    allocator: Allocator
    authorizer: AuthorizerChain
    tokens: TokenAuthenticator
    caller: Caller  # of webhooks
    webhooks: Webhooks
    quotas: Accounts
    metrics: ApiMetrics
    policies: AdmissionPolicies = field(default_factory=AdmissionPolicies)
    fanout: FanOut = field(default_factory=FanOut)
    kinds: Served = field(default_factory=Served)
    #: Of custom kinds that a webhook converts: a backend whose store shows their objects converted.
    converting: dict[Kind, Backend] = field(default_factory=dict)
    #: Of such a backend: who converts.
    convert: Convert | None = None
    #: Who is asked about images, None where nobody is.
    image_policy: ImagePolicy | None = None
    #: Of kinds whose objects are not in the cluster's store but in one of their own (``resourcemetrics``).
    apart: dict[Kind, Backend] = field(default_factory=dict)

    def home(self, kind: Kind) -> Backend:
        """Where objects of this kind are stored, and watched as they are stored."""
        return self.apart.get(kind, self) if kind.custom is not None else self

    def of(self, kind: Kind) -> Backend:
        """What operations on objects of this kind work with."""
        return (self.apart.get(kind) or self.converting.get(kind, self)) if kind.custom is not None else self
