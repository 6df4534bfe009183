"""The API server put together: what it is made of, and its start."""

from __future__ import annotations

from podo.api import registry
from podo.api.encoding import load
from podo.api.errors import ApiError
from podo.apiserver.allocation import Allocator
from podo.apiserver.backend import Backend, Config
from podo.apiserver.call import Call
from podo.authz.attributes import Attributes, refusal
from podo.authz.components import ComponentAuthorizer
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.storage.contract import Store


class ApiServer:
    """One API server over one store. ``start`` once, after the store is open; then ``handle`` requests or give out LocalClients."""

    def __init__(self, store: Store, clock: Clock, chance: Chance, config: Config | None = None) -> None:
        settings = config or Config()
        allocator = Allocator(settings.service_cidr, settings.node_ports, chance)
        self.backend = Backend(store, clock, chance, settings, allocator)
        self._authorizer = ComponentAuthorizer()

    async def start(self) -> None:
        """Read back what Services hold."""
        services = await self.backend.store.range(registry.named("Service").prefix)
        self.backend.allocator.rebuild(load(record.value) for record in services.records)

    def authorize(self, call: Call) -> None:
        """Raises Forbidden."""
        user, kind = call.user, call.kind
        asked = Attributes(
            user.name, user.groups, call.verb, kind.group, kind.plural, call.subresource, call.namespace, call.name
        )
        if not self._authorizer.allowed(asked):
            raise ApiError("Forbidden", refusal(asked))
