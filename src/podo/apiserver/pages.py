"""What is served besides resources: health, metrics, version, discovery, OpenAPI, OpenID, and explanations."""

from __future__ import annotations

from collections.abc import Sequence

from podo.api.errors import ApiError
from podo.apiserver import discovery, explaining, health, openapi, openid, operations
from podo.apiserver.backend import Backend
from podo.apiserver.extension.aggregation.aggregation import Aggregation
from podo.apiserver.fairness import report
from podo.apiserver.fairness.control import Fairness
from podo.apiserver.metrics.requests import Turn
from podo.apiserver.negotiate import form_of
from podo.apiserver.parameters import parse_query
from podo.authn.user import User
from podo.authz.attributes import Attributes, refusal
from podo.authz.chain import AuthorizerChain
from podo.http.message import Request, Response, Streaming, Upgrade

#: Those that are neither health nor discovery.
_PATHS = (
    *("/metrics", "/metrics/slis", "/version", "/openapi/v2", "/openapi/v3", "/openapi/v3/"),
    *("/.well-known/openid-configuration", "/openid/v1/jwks", *(f"{report.DUMPS}{name}" for name in report.PAGES)),
)


def verb_of(request: Request) -> str:
    """As authorization, audit and flows have it."""
    return "get" if request.method == "HEAD" else request.method.lower()


class Pages:
    """``explain``: the kinds that can be explained, and who does."""

    def __init__(
        self,
        backend: Backend,
        authorizer: AuthorizerChain,
        aggregation: Aggregation,
        checks: health.Health,
        fairness: Fairness,
    ) -> None:
        self._backend, self._authorizer, self._aggregation = backend, authorizer, aggregation
        self._health, self._fairness = checks, fairness
        self.explain: tuple[Sequence[str], explaining.Explain] | None = None

    async def answer(self, request: Request, user: User, turn: Turn) -> Response | Streaming | Upgrade:
        """Raises ApiError."""
        path = request.path if len(request.path) == 1 else request.path.rstrip("/")
        asked = Attributes(user.name, user.groups, verb_of(request), path=path)
        if self._authorizer.has_webhooks:
            asked = asked._replace(uid=user.uid, extra=user.extra)
        decision = self._authorizer.decide(asked)
        if not decision.allowed:
            raise ApiError("Forbidden", refusal(asked, decision.reason))
        if self._aggregation and (answer := await self._aggregated(request, path, user)) is not None:
            return answer
        if path.startswith(explaining.ROOT) and self.explain is not None and request.method in ("GET", "HEAD"):
            form = form_of(request.headers.get("accept", ""))
            return await explaining.answer(path, user, self._authorizer, *self.explain, form)
        turn.root = path.split("/", 2)[1] if "/" in path else ""
        page = await self._openapi(request, path) if turn.root == "openapi" else self._page(request, path, turn.root)
        if page is not None and request.method not in ("GET", "HEAD"):
            raise operations.not_allowed()
        return page or Response(404, b"404 page not found\n", "text/plain; charset=utf-8")

    async def _aggregated(self, request: Request, path: str, user: User) -> Response | Streaming | Upgrade | None:
        """A page of an extension API server, or one of ours with its part in it."""
        if (extension := self._aggregation.extension_at(path)) is not None:
            return await self._aggregation.forward(extension, request, user)
        return await self._aggregation.document(request, path)

    def _page(self, request: Request, path: str, root: str) -> Response | None:
        kinds, headers = self._backend.kinds, request.headers
        etag_seen = headers.get("if-none-match", "")
        if root in health.NAMES:
            return self._health.answer(path, request.query)
        if path.startswith(report.DUMPS):
            return report.dump(self._fairness, path.removeprefix(report.DUMPS))
        if root == "metrics":
            return self._metrics(path)
        if path == "/version":
            return health.version_answer()
        if root in ("api", "apis"):
            form = form_of(headers.get("accept", ""))
            return discovery.discovery_answer(kinds, path, form, etag_seen, headers.get("host", ""))
        if root in openid.ROOTS:
            return openid.openid_answer(path, self._backend.tokens, headers.get("host", ""))
        return discovery.index(kinds, self._paths()) if path == "/" else None

    async def _openapi(self, request: Request, path: str) -> Response | None:
        headers, digest = request.headers, parse_query(request.query).get("hash", "")
        etag_seen, accept = headers.get("if-none-match", ""), headers.get("accept", "")
        now = self._backend.clock.now()
        return await openapi.openapi_answer(self._backend.kinds, path, etag_seen, accept, digest, now)

    def _paths(self) -> tuple[str, ...]:
        """Besides those of resources."""
        ours = (*self._health.paths(), *_PATHS, *self._backend.metrics.pages)
        return (*ours, *self._aggregation.paths())

    def _metrics(self, path: str) -> Response | None:
        backend = self._backend
        if path == "/metrics":
            return backend.metrics.page(backend.store, backend.fanout, backend.kinds.all_kinds())
        return self._health.indicators() if path == "/metrics/slis" else backend.metrics.page_of_its_own(path)
