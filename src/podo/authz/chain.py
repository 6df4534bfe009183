"""The authorizers in their order: administrators, kubelets, RBAC. The first that allows decides."""

from __future__ import annotations

from podo.authz.attributes import Attributes, Authorizer, Decision
from podo.authz.node.authorizer import NodeAuthorizer
from podo.authz.rbac.authorizer import RbacAuthorizer, Rules
from podo.storage.contract import Store

MASTERS = "system:masters"
_MASTER = Decision(True)


class AuthorizerChain:
    """``start`` it once the store is open."""

    def __init__(self) -> None:
        self.rbac = RbacAuthorizer()
        self.node = NodeAuthorizer()
        self._others: tuple[Authorizer, ...] = (self.node,)

    async def start(self, store: Store) -> None:
        await self.rbac.start(store)
        await self.node.start(store)

    def decide(self, asked: Attributes) -> Decision:
        if MASTERS in asked.groups:
            return _MASTER
        reasons = []
        for authorizer in self._others:
            decision = authorizer.decide(asked)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        decision = self.rbac.decide(asked._replace(fields="") if asked.fields else asked)
        if decision.allowed or not reasons:
            return decision
        return Decision(False, "\n".join([*reasons, decision.reason] if decision.reason else reasons))

    def allowed(self, asked: Attributes) -> bool:
        return self.decide(asked).allowed

    def rules_for(self, user: str, groups: tuple[str, ...], namespace: str) -> Rules:
        """Every rule that holds for a user in a namespace ("" for the cluster), and what could not be resolved."""
        rules, errors = self.rbac.rules_for(user, groups, namespace)
        if user.startswith("system:node:") and "system:nodes" in groups:
            errors = [*errors, "node authorizer does not support user rule resolution"]
        return rules, errors
