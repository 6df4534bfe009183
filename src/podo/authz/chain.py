"""The authorizers in their order: administrators; then kubelets and RBAC, or what the configuration names. The first
that allows or denies decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podo.api.configuration import ConfigurationProblem
from podo.api.parts.systemnames import MASTERS
from podo.authz.abac import AbacAuthorizer
from podo.authz.attributes import Attributes, Authorizer, Decision
from podo.authz.node.authorizer import NodeAuthorizer, is_node
from podo.authz.rbac.authorizer import RbacAuthorizer, Rules
from podo.authz.settings import AuthorizationSettings, WebhookSettings
from podo.runtime.clock import Clock
from podo.storage.contract import Store

if TYPE_CHECKING:
    from podo.authz.webhook import WebhookAuthorizer

_MASTER = Decision(True)
_NODE, _RBAC = ("Node", "node", "allowed"), ("RBAC", "rbac", "allowed")


def _unselected(asked: Attributes) -> Attributes:
    """Without selectors, which no rule looks at: one answer is kept for all of them."""
    return asked._replace(fields="", labels="") if asked.fields or asked.labels else asked


class _Always:
    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    def decide(self, asked: Attributes) -> Decision:
        return self._decision


class AuthorizerChain:
    """``start`` it once the store is open. Where webhooks are asked, ``decide`` may raise Unanswered."""

    def __init__(self, settings: AuthorizationSettings | None = None, clock: Clock | None = None) -> None:
        self.rbac = RbacAuthorizer()
        self.node = NodeAuthorizer()
        self._others: tuple[Authorizer, ...] = (self.node,)
        #: The groups of parts of this process, by identity: an equal name or group from outside is not one of them.
        self._inside: dict[int, tuple[str, ...]] = {}
        #: How often which authorizer has decided, by its type, its name, and the decision; administrators' apart.
        self.decisions: dict[tuple[str, str, str], int] = {}
        self._clock = clock
        self._order: tuple[str | WebhookSettings, ...] = settings.order if settings is not None else ()
        self._webhooks: list[WebhookAuthorizer] = []
        self._names: list[tuple[str, str]] = []  # of those configured: type and name
        self._configured = self._made(settings) if settings is not None and settings.order else ()
        #: Are there webhooks, which want to know all of a question, and may have to be waited for?
        self.has_webhooks = bool(self._webhooks)

    def configure(self, settings: AuthorizationSettings) -> None:
        """Other webhooks, or another order. Raises ConfigurationProblem for other built-in authorizers."""
        before, wanted = ({one for one in order if isinstance(one, str)} for order in (self._order, settings.order))
        if before != wanted:
            changed = ", ".join(sorted(before ^ wanted))
            raise ConfigurationProblem(f"authorizers of built-in types cannot be added or removed: {changed}")
        former, self._webhooks, self._names = self._webhooks, [], []
        self._order, self._configured = settings.order, self._made(settings)
        self.has_webhooks = bool(self._webhooks)
        for webhook in former:
            webhook.close()

    def _made(self, settings: AuthorizationSettings) -> tuple[Authorizer, ...]:
        built_in: dict[str, Authorizer] = {
            "Node": self.node,
            "RBAC": self.rbac,
            "ABAC": AbacAuthorizer(settings.policies),
            "AlwaysAllow": _Always(Decision(True)),
            "AlwaysDeny": _Always(Decision(False, "Everything is forbidden.")),
        }
        found: list[Authorizer] = []
        for one in settings.order:
            if isinstance(one, str):
                found.append(built_in[one])
                self._names.append((one, one.lower()))
                continue
            from podo.authz.webhook import WebhookAuthorizer

            assert self._clock is not None, "a webhook's answers are kept for a time"
            self._webhooks.append(WebhookAuthorizer(one, self._clock))
            found.append(self._webhooks[-1])
            self._names.append(("Webhook", one.name))
        return tuple(found)

    def trust(self, groups: tuple[str, ...]) -> None:
        """For who asks with this very tuple (controllers, the scheduler) Node and RBAC decide, whatever else is
        configured: a webhook need not be there for the cluster to work."""
        self._inside[id(groups)] = groups

    async def start(self, store: Store) -> None:
        await self.rbac.start(store)
        await self.node.start(store)

    def decide(self, asked: Attributes) -> Decision:
        if MASTERS in asked.groups:
            return _MASTER
        if self._configured and id(asked.groups) not in self._inside:
            return self._by_configuration(asked)
        reasons = []
        for authorizer in self._others:
            decision = authorizer.decide(asked)
            if decision.allowed:
                self._count(_NODE)
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        decision = self.rbac.decide(_unselected(asked))
        if decision.allowed:
            self._count(_RBAC)
        if decision.allowed or not reasons:
            return decision
        return Decision(False, "\n".join([*reasons, decision.reason] if decision.reason else reasons))

    def _by_configuration(self, asked: Attributes) -> Decision:
        reasons = []
        bare = asked._replace(version="", uid="", extra=()) if self.has_webhooks else asked
        for authorizer, names in zip(self._configured, self._names, strict=True):
            if authorizer is self.rbac:
                decision = self.rbac.decide(_unselected(bare))
            else:
                decision = authorizer.decide(bare if authorizer is self.node else asked)
            if decision.allowed:
                self._count((*names, "allowed"))
                return decision
            if decision.reason:
                reasons.append(decision.reason)
            if decision.denied:
                self._count((*names, "denied"))
                break
        return Decision(False, "\n".join(reasons))

    def _count(self, decided: tuple[str, str, str]) -> None:
        self.decisions[decided] = self.decisions.get(decided, 0) + 1

    def allowed(self, asked: Attributes) -> bool:
        return self.decide(asked).allowed

    def rules_for(self, user: str, groups: tuple[str, ...], namespace: str) -> Rules:
        """Every rule that holds for a user in a namespace ("" for the cluster), and what could not be resolved."""
        rules, errors = self.rbac.rules_for(user, groups, namespace)
        if is_node(user, groups):
            errors = [*errors, "node authorizer does not support user rule resolution"]
        if self.has_webhooks:
            errors = [*errors, "webhook authorizer does not support user rule resolution"]
        return rules, errors

    def close(self) -> None:
        for webhook in self._webhooks:
            webhook.close()
