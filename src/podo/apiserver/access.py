"""Who asks, and whether they may: authentication, impersonation and authorization of requests."""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.apiserver.audit.auditor import DECISION, REASON
from podo.apiserver.authenticating import authentication_of
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.impersonation import impersonated
from podo.apiserver.metrics.credentials import CredentialMetrics
from podo.apiserver.metrics.requests import Turn
from podo.authn.authentication import Unauthorized
from podo.authn.settings import AuthenticationSettings
from podo.authn.user import User
from podo.authz.attributes import Attributes, refusal
from podo.authz.chain import AuthorizerChain
from podo.authz.settings import AuthorizationSettings
from podo.http.message import Request
from podo.runtime.log import Logger
from podo.values.fieldselector import demanded

log = Logger("podo.apiserver")


class Access:
    """``audits``: is there an audit log, which wants to know why requests are refused?"""

    def __init__(self, backend: Backend, settings: AuthenticationSettings, authorizer: AuthorizerChain) -> None:
        self._backend = backend
        self.authentication = authentication_of(backend, settings)
        self.authorizer = authorizer
        self._credentials = CredentialMetrics(authorizer)
        self.audits = False
        backend.metrics.collectors.append(self._credentials.families)

    def close(self) -> None:
        self.authentication.close()
        self.authorizer.close()

    def authenticate_by(self, settings: AuthenticationSettings) -> None:
        """From now on believe these, whom else was believed no more."""
        former, self.authentication = self.authentication, authentication_of(self._backend, settings)
        former.close()

    def authorize_by(self, settings: AuthorizationSettings) -> None:
        """From now on ask these authorizers. Raises ConfigurationProblem: of those that are built in, none may come or
        go while the server runs."""
        self.authorizer.configure(settings)

    async def user_of(self, request: Request, turn: Turn) -> User:
        """As whom the request is carried out."""
        asker = await self._authenticate(request)
        if turn.trail is not None:
            turn.trail.user = turn.trail.acting = asker
        user = impersonated(asker, request.headers, self.authorizer)
        if turn.trail is not None:
            turn.trail.acting = user
        return user

    async def _authenticate(self, request: Request) -> User:
        """Who sends the request. Raises ApiError (Unauthorized)."""
        try:
            user = await self.authentication.user_of(request)
            self._credentials.seen(user.name)
            return user
        except Unauthorized as refused:
            self._credentials.refused += 1
            log.info("credentials refused", why=str(refused), path=request.path)
            raise ApiError("Unauthorized", "Unauthorized") from None

    def authorize(self, call: Call, fields: str = "", labels: str = "") -> None:
        """Raises Forbidden. ``fields``, ``labels``: the selectors of a list or watch."""
        user, kind = call.user, call.kind
        asked = Attributes(
            user.name,
            user.groups,
            call.verb,
            kind.group,
            kind.plural,
            call.subresource,
            call.namespace,
            call.name or (demanded(fields, "metadata.name") if fields and call.verb in ("list", "watch") else ""),
            fields=fields,
            labels=labels,
        )
        if self.authorizer.has_webhooks:
            asked = asked._replace(version=kind.version, uid=user.uid, extra=user.extra)
        decision = self.authorizer.decide(asked)
        if call.is_audited or (self.audits and not decision.allowed):
            call.annotations |= {DECISION: "allow" if decision.allowed else "forbid", REASON: decision.reason}
        if not decision.allowed:
            raise ApiError("Forbidden", refusal(asked, decision.reason), _forbidden_details(call))


def _forbidden_details(call: Call) -> dict[str, str]:
    details = {"name": call.name, "group": call.kind.group, "kind": call.kind.plural}
    return {key: value for key, value in details.items() if value}
