"""The API server put together: what it is made of, its start, and the way of a request through it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from podo.admission.imagepolicy import ImagePolicy
from podo.admission.resourcequota.accounts import Accounts
from podo.api import registry
from podo.api.encoding import dumps, load
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.kinds.core.componentstatus import COMPONENTSTATUS
from podo.apiserver import (
    answers,
    componentstatus,
    health,
    operations,
    parameters,
    pretty,
    resources,
    reviews,
    shape,
    streams,
)
from podo.apiserver.access import Access
from podo.apiserver.admitting import admit_whole
from podo.apiserver.again import Repeatable, until_answered
from podo.apiserver.allocation import Allocator
from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.backend import Backend, Config
from podo.apiserver.call import Call
from podo.apiserver.calling.caller import Caller
from podo.apiserver.calling.services import resolve
from podo.apiserver.compression import compressed
from podo.apiserver.connecting import CONNECTED, connect
from podo.apiserver.events import Frames
from podo.apiserver.extension.aggregation.aggregation import Aggregation
from podo.apiserver.extension.aggregation.extensions import Extension
from podo.apiserver.extension.aggregation.kinds import ExtensionKinds
from podo.apiserver.extension.aggregation.requestinfo import call_of
from podo.apiserver.extension.following import Definitions
from podo.apiserver.fairness import report
from podo.apiserver.fairness.bootstrap import ensure_defaults
from podo.apiserver.fairness.control import Fairness, Flow
from podo.apiserver.fairness.watchcost import WRITING, Stay, event_cost
from podo.apiserver.fairness.width import width_of
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.metrics.page import ApiMetrics
from podo.apiserver.metrics.requests import Turn
from podo.apiserver.negotiate import PLAIN, form_of
from podo.apiserver.pages import Pages, verb_of
from podo.apiserver.parameters import Query, parse_query
from podo.apiserver.rolepolicy import ensure_policy
from podo.apiserver.route import Route, route
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.webhooks import Webhooks
from podo.authn.keys import TokenKeys
from podo.authn.tokens import TokenAuthenticator
from podo.authn.user import User
from podo.authz.attributes import Unanswered
from podo.authz.chain import AuthorizerChain
from podo.http.message import Request, Response, Streaming, Upgrade
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.storage.contract import Store, StoreFailed

log = Logger("podo.apiserver")
Answer = Response | Streaming | Upgrade
NO_SUCH_RESOURCE = "the server could not find the requested resource"
#: Verbs whose requests may take several seats.
_WIDE = frozenset({"list", "watch", "deletecollection"})


class ApiServer:
    """One API server over one store. ``start`` it once the store is open; then ``handle`` requests or use LocalClients.

    ``kubelet``: the way to nodes, for log, exec, attach and portforward.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        chance: Chance,
        config: Config | None = None,
        kubelet: KubeletAccess | None = None,
        keys: TokenKeys | None = None,
    ) -> None:
        settings = config or Config()
        allocator = Allocator(settings.service_cidr, settings.node_ports, chance)
        self._authorizer = AuthorizerChain(settings.authorization, clock)
        tokens = TokenAuthenticator(store, keys or TokenKeys(), clock, settings.issuer)
        caller = Caller(partial(resolve, store, chance))
        metrics = ApiMetrics(clock)
        webhooks = Webhooks(caller, chance, self._authorizer, metrics.admission)
        self.backend = Backend(
            *(store, clock, chance, settings, allocator, self._authorizer, tokens, caller, webhooks),
            quotas=Accounts(store, clock),
            metrics=metrics,
            image_policy=ImagePolicy(images, clock) if (images := settings.admission.image_policy) else None,
        )
        self.access = Access(self.backend, settings.authentication, self._authorizer)
        self.authorize = self.access.authorize  # at hand, for every request
        self._definitions = Definitions(self.backend)
        self._aggregation = Aggregation(self.backend, settings.front_proxy)
        self.kubelet = kubelet
        self.started = False
        self._auditor: Auditor | None = None
        self._frames = Frames()
        self.health = health.Health(store)
        #: What ComponentStatus tells of: by name what is wrong, or "".
        self.components: dict[str, Callable[[], str]] = {"etcd-0": lambda: store.failure}
        self.fairness = Fairness(clock)
        self.pages = Pages(self.backend, self._authorizer, self._aggregation, self.health, self.fairness)
        parts = (partial(report.families, self.fairness), self._aggregation.families)
        self.backend.metrics.collectors.extend(parts)

    @property
    def auditor(self) -> Auditor | None:
        return self._auditor

    def audit(self, auditor: Auditor) -> None:
        """From now on ``auditor`` sees every request."""
        self._auditor = auditor
        self.access.audits = True
        self.backend.metrics.collectors.append(auditor.families)

    async def start(self) -> None:
        """Complete the default roles; read back who may do what, and what Services hold."""
        await ensure_policy(self.backend)
        await ensure_defaults(self.backend)
        await self.fairness.start(self.backend.store)
        await self._authorizer.start(self.backend.store)
        await self.backend.webhooks.start(self.backend.store)
        await self.backend.policies.start(self.backend.store)
        await self.backend.quotas.start()
        await self._definitions.start()
        await self._aggregation.start()
        services = await self.backend.store.range(registry.named("Service").prefix)
        self.backend.allocator.rebuild(load(record.value) for record in services.records)
        await self.backend.allocator.pool.start(self.backend.store)
        self.health.passed("start-apiserver", "priority-and-fairness-config-producer", "rbac/bootstrap-roles")
        self.started = True

    async def close(self) -> None:
        """Let go of other servers."""
        await self._aggregation.stop()
        await self.backend.quotas.stop()
        self.backend.caller.close()
        if self.backend.image_policy is not None:
            self.backend.image_policy.close()
        self.access.close()

    async def read_extension(self, target: str) -> Obj:
        """What an extension API server answers to this server's own GET of a path with query. Raises CannotCall."""
        return await self._aggregation.read(target)

    @property
    def extension_kinds(self) -> ExtensionKinds:
        """The kinds that extension API servers answer for."""
        return self._aggregation.kinds

    async def ask_extension(self, request: Request, user: User) -> Answer:
        """Answer a request of this process's own that goes to an extension API server, or asks which there are."""
        try:
            extension = self._aggregation.extension_at(request.path)
            if extension is None:
                page = await self._aggregation.document(request, request.path)
                return page or _refused(request, ApiError("NotFound", NO_SUCH_RESOURCE))
            query = parse_query(request.query)
            if (call := call_of(request.method, request.path, query, user)) is not None:
                self.authorize(call, query.get("fieldSelector", ""))
            return await self._aggregation.forward(extension, request, user)
        except ApiError as error:
            return _refused(request, error)

    async def handle(self, request: Request) -> Answer:
        """Answer one request; never raises for what a client can do."""
        requests = self.backend.metrics.requests
        turn = requests.begin(request)
        if self._auditor is not None:
            turn.trail = self._auditor.begin(request)
        try:
            answer = await (self._ask_and_answer if self._authorizer.has_webhooks else self._answer)(request, turn)
        finally:
            requests.leave(turn)
        if isinstance(answer, Response) and pretty.is_wanted(request):
            answer = pretty.indented(answer)
        if turn.flow is not None and not isinstance(answer, Upgrade):
            answer.headers = (*answer.headers, *turn.flow.headers)
        if self._auditor is not None and turn.trail is not None:
            answer = self._auditor.answered(turn.trail, answer)
        return requests.answered(turn, answer)

    async def _ask_and_answer(self, request: Request, turn: Turn) -> Answer:
        """Where webhooks authorize: begun again until all that they must be asked is known."""
        request = Repeatable(request)
        try:
            return await until_answered(lambda: self._answer(request, turn))
        except ApiError as error:
            return _refused(request, error)

    async def _answer(self, request: Request, turn: Turn) -> Answer:
        try:
            user = await self.access.user_of(request, turn)
            if self._aggregation and (extension := self._aggregation.extension_at(request.path)) is not None:
                if self._auditor is not None and turn.trail is not None:
                    self._auditor.handed_on(turn.trail)
                return await self._forward(extension, request, user, turn)
            found = route(request.path, self.backend.kinds)
            if found is None:
                return await self._seated_path(request, user, turn)
            return await self._resource(request, user, found, turn)
        except ApiError as error:
            return _refused(request, error)
        except StoreFailed as failure:
            log.error("the store failed", failure, path=request.path)
            return _refused(request, ApiError("InternalError", "the store failed: the fate of the write is unknown"))
        except Unanswered:
            raise
        except Exception as bug:
            log.error("request failed", bug, method=request.method, path=request.path)
            return _refused(request, ApiError("InternalError", "an error on the server has prevented the request"))

    async def _resource(self, request: Request, user: User, found: Route, turn: Turn) -> Answer:
        query = parse_query(request.query)
        verb = resources.verb_of(request.method, found, query)
        call = Call(verb, found.kind, found.namespace, found.name, found.subresource, user, authorize=self.authorize)
        turn.call = call
        if self._auditor is not None and turn.trail is not None:
            self._auditor.called(turn.trail, call)
        if call.subresource in CONNECTED:  # runs long: no limit could tell when it ends
            return await self._carry_out(request, call, query, found)
        fairness = self.fairness
        flow = turn.flow = fairness.flow_of(call)
        width, seconds = 1, 0.0
        if verb in _WIDE:
            width = min(flow.widest, width_of(self.backend.store, call, query))
        elif verb in WRITING and fairness.watches and not flow.level.limits.exempt:
            width, seconds = event_cost(fairness.watches.concerned(call.kind, call.namespace), flow.widest)
        if not fairness.try_enter(flow, width):
            await self._wait(flow, width, call)
        if verb == "watch":
            return await self._begin_watch(request, call, query, found, partial(fairness.leave, flow, width))
        try:
            return await self._carry_out(request, call, query, found)
        finally:
            if seconds:
                fairness.leave_after(flow, width, seconds)
            else:
                fairness.leave(flow, width)

    async def _begin_watch(
        self, request: Request, call: Call, query: Query, found: Route, leave: Callable[[], None]
    ) -> Answer:
        """It leaves its seats when its initial events have been sent."""
        call.stay = Stay(call, query.get("fieldSelector", ""), self.fairness.watches, leave)
        try:
            return await self._carry_out(request, call, query, found)
        except BaseException:
            call.stay.over()
            raise

    async def _wait(self, flow: Flow, width: int, call: Call | None = None) -> None:
        """For a seat. Raises TooManyRequests."""
        try:
            await self.fairness.enter(flow, width)
        except ApiError as refused:
            if call is not None:
                self.backend.metrics.requests.terminated(call, refused.code)
            raise

    async def _carry_out(self, request: Request, call: Call, query: Query, found: Route) -> Answer:
        self.authorize(call, query.get("fieldSelector", ""), query.get("labelSelector", ""))
        if call.kind.warning:
            call.warnings.append(call.kind.warning)
        call.manager = managers.from_agent(request.headers.get("user-agent", ""))
        if call.subresource in CONNECTED:
            return await connect(self.backend, self.kubelet, request, call, found.rest)
        exchange = resources.exchange_of(request, call, query)
        if call.verb == "watch":
            operations.check_verb(call)
            return await streams.watch_response(self.backend, self._frames, exchange)
        try:
            if call.kind is COMPONENTSTATUS:
                now = self.backend.clock.now()
                return componentstatus.answer(exchange, self.components, self.backend.store.revision, now)
            if call.kind in reviews.KINDS:
                return await self._review(exchange)
            return compressed(await resources.answer(self.backend.of(call.kind), exchange), request.headers)
        except ApiError as error:
            error.warnings = call.warnings
            raise

    async def _review(self, exchange: resources.Exchange) -> Response:
        call = exchange.call
        operations.check_verb(call)
        parameters.read_write_options(call, exchange.query)
        review = shape.conform(call, await resources.read_object(exchange, self.backend.config.body_limit))
        found = await self.review(call, review)
        return answers.in_media(dumps(found), exchange.form, 201, answers.warning_headers(call.warnings))

    async def review(self, call: Call, review: Obj) -> Obj:
        """``review``, in the shape of its kind, with the answer in its status."""
        await admit_whole(self.backend, call, "CREATE", review, None)
        tokens = self.access.authentication.tokens
        return await reviews.answer(call, review, self._authorizer, tokens, self.backend.clock.now())

    async def _forward(self, extension: Extension, request: Request, user: User, turn: Turn) -> Answer:
        """To the extension API server that answers for the path, under this server's limits and authorization."""
        query = parse_query(request.query)
        call = turn.call = call_of(request.method, request.path, query, user)
        if call is None:
            return await self._seated_path(request, user, turn)
        if self._auditor is not None and turn.trail is not None:
            self._auditor.called(turn.trail, call)
        flow = turn.flow = self.fairness.flow_of(call)
        if not self.fairness.try_enter(flow, 1):
            await self._wait(flow, 1, call)
        try:
            self.authorize(call, query.get("fieldSelector", ""))
            return await self._aggregation.forward(extension, request, user)
        finally:
            self.fairness.leave(flow, 1)

    async def _seated_path(self, request: Request, user: User, turn: Turn) -> Answer:
        if self._auditor is not None and turn.trail is not None:
            self._auditor.asked_path(turn.trail, verb_of(request))
        flow = turn.flow = self.fairness.flow_of_path(user, verb_of(request), request.path)
        if not self.fairness.try_enter(flow, 1):
            await self._wait(flow, 1)
        try:
            return await self.pages.answer(request, user, turn)
        finally:
            self.fairness.leave(flow, 1)


def _refused(request: Request, error: ApiError) -> Response:
    try:
        form = form_of(request.headers.get("accept", ""))
    except ApiError:
        form = PLAIN
    headers = answers.warning_headers(error.warnings)
    if seconds := (error.details or {}).get("retryAfterSeconds"):
        headers.append(("Retry-After", str(seconds)))
    return answers.status_answer(error.status(), form, headers)
