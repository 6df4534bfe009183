"""The audit log at the way of requests: what the policy wants to know of one is taken down, at its beginning and end.

A request that nobody wants to know of costs a look-up. Calls of the control plane's own loops, which do not come over
HTTP, are noted alike (``inside``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from podo.api.encoding import dumps
from podo.api.errors import ApiError
from podo.api.kind import Kind
from podo.apiserver.audit.entry import Entry, question_of, question_of_path
from podo.apiserver.audit.journal import Journal
from podo.apiserver.audit.policy import COMPLETE, NOTHING, RECEIVED, STARTED, Level, Policy, Question, Verdict
from podo.apiserver.call import Call
from podo.authn.user import User
from podo.http.message import Peer, Response, Streaming, Tunnel, Upgrade, Writer
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.metrics import Family, counter

Answer = Response | Streaming | Upgrade
End = TypeVar("End", Writer, Tunnel)
HEADER = "Audit-Id"
_UNKNOWN = User("")
_DENIED = Verdict(Level.METADATA)
#: User, groups, verb, kind, subresource, namespace.
Key = tuple[str, tuple[str, ...], str, Kind, str, str]
REMEMBERED = 8192
_MOST_ID, _MOST_URI, _MOST_AGENT = 64, 8192, 1024
DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"


class Asking(Protocol):
    """What is noted of a request itself."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def query(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def peer(self) -> Peer: ...


class Trail:
    """One request that may be noted. ``user``: as authenticated; ``acting``: as whom it is carried out."""

    __slots__ = ("acting", "audit_id", "call", "question", "received", "request", "user", "verdict")

    def __init__(self, request: Asking, received: float) -> None:
        self.request = request
        self.received = received
        self.user = self.acting = _UNKNOWN
        self.call: Call | None = None
        self.verdict = NOTHING
        self.question: Question | None = None
        self.audit_id = ""


class Auditor:
    def __init__(self, policy: Policy, journal: Journal, clock: Clock, chance: Chance) -> None:
        self._policy, self._journal, self._clock, self._chance = policy, journal, clock, chance
        self._verdicts: dict[Key, Verdict] = {}

    def begin(self, request: Asking) -> Trail:
        return Trail(request, self._clock.now())

    def called(self, trail: Trail, call: Call) -> None:
        """It is known what the request asks for."""
        trail.call = call
        user = trail.user  # who acts as somebody else hides from no rule by it
        # What the policy says depends on these alone, unless it names objects.
        key = (user.name, user.groups, call.verb, call.kind, call.subresource, call.namespace)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._find(key, question_of(call, user))
        if verdict.level:
            trail.verdict = verdict
            trail.question = question_of(call, user)
            call.is_audited = True
            call.keeps_body = verdict.level >= Level.REQUEST
            self._note_beginning(trail)

    def _find(self, key: Key, question: Question) -> Verdict:
        verdict = self._policy.verdict(question)
        if not self._policy.names_matter:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return verdict

    def asked_path(self, trail: Trail, verb: str) -> None:
        """Likewise of what is no resource."""
        user = trail.user
        trail.question = Question(user.name, user.groups, verb, path=trail.request.path)
        trail.verdict = self._policy.verdict(trail.question)
        if trail.verdict.level:
            self._note_beginning(trail)

    def handed_on(self, trail: Trail) -> None:
        """Another server answers it: what it asks for is told by its path, and its body is not seen."""
        request = trail.request
        trail.question = question_of_path(request.method, request.path, trail.user)
        verdict = self._policy.verdict(trail.question)
        if verdict.level:
            trail.verdict = Verdict(Level.METADATA, verdict.omit_stages)
            self._note_beginning(trail)

    def _note_beginning(self, trail: Trail) -> None:
        given = trail.request.headers.get("audit-id", "")
        trail.audit_id = given if 0 < len(given) <= _MOST_ID and given.isprintable() else self._chance.uid()
        if RECEIVED not in trail.verdict.omit_stages:
            self._note(trail, RECEIVED, 0, None)

    def answered(self, trail: Trail, answer: Answer) -> Answer:
        """Note the answer; of a stream or a tunnel, that it begins now, and with what is given back that it ends."""
        code = 101 if isinstance(answer, Upgrade) else answer.status
        if not trail.verdict.level and not self._is_denied(trail, code):
            return answer
        if not isinstance(answer, Upgrade):
            answer.headers = (*answer.headers, (HEADER, trail.audit_id))
        if isinstance(answer, Response):
            self._note_unless(trail, COMPLETE, code, _body(answer, trail.verdict))
            return answer
        self._note_unless(trail, STARTED, code, None)
        if isinstance(answer, Streaming):
            return Streaming(self._until_end(trail, code, answer.produce), code, answer.content_type, answer.headers)
        return Upgrade(self._until_end(trail, code, answer.run))

    def started(self, trail: Trail) -> None:
        """A watch of this process's own begins."""
        if trail.verdict.level:
            self._note_unless(trail, STARTED, 200, None)

    def ended(self, trail: Trail, code: int, body: bytes | None) -> None:
        """A call of this process's own is answered."""
        if trail.verdict.level or self._is_denied(trail, code):
            wanted = code >= 400 or trail.verdict.level >= Level.RESPONSE
            self._note_unless(trail, COMPLETE, code, body if wanted else None)

    def refused(self, trail: Trail, error: ApiError) -> None:
        """A call of this process's own is answered with an error."""
        self.ended(trail, error.code, dumps(error.status()))

    def _is_denied(self, trail: Trail, code: int) -> bool:
        """A refusal that is noted though the request would not be."""
        if code not in (401, 403) or not self._policy.notes_denied:
            return False
        trail.verdict = _DENIED
        trail.audit_id = trail.audit_id or self._chance.uid()
        if trail.call is not None:
            trail.question = question_of(trail.call, trail.user)
        elif trail.question is None:
            user, method = trail.user, trail.request.method.lower()
            trail.question = Question(user.name, user.groups, method, path=trail.request.path)
        return True

    def _until_end(
        self, trail: Trail, code: int, run: Callable[[End], Awaitable[None]]
    ) -> Callable[[End], Awaitable[None]]:
        async def noted(end: End) -> None:
            try:
                await run(end)
            finally:
                self._note_unless(trail, COMPLETE, code, None)

        return noted

    def _note_unless(self, trail: Trail, stage: str, code: int, body: bytes | None) -> None:
        if stage not in trail.verdict.omit_stages:
            self._note(trail, stage, code, body)

    def _note(self, trail: Trail, stage: str, code: int, body: bytes | None) -> None:
        request, call = trail.request, trail.call
        question = trail.question or Question("", (), "")
        if call is not None and call.name != question.name:  # generated
            question = question._replace(name=call.name)
        uri = f"{request.path}?{request.query}" if request.query else request.path
        entry = Entry(
            verdict=trail.verdict,
            stage=stage,
            audit_id=trail.audit_id,
            asked=question,
            version=call.kind.version if call else "",
            uri=uri[:_MOST_URI],
            user=trail.user,
            acting=trail.acting if trail.acting is not trail.user else None,
            source=request.peer.address.rpartition(":")[0].strip("[]"),
            agent=request.headers.get("user-agent", "")[:_MOST_AGENT],
            received=trail.received,
            time=self._clock.now(),
            code=code,
            sent=call.sent if call else None,
            sent_type=request.headers.get("content-type", ""),
            answered=body,
            annotations=call.annotations if call else {},
        )
        self._journal.submit(entry)

    def families(self) -> Iterable[Family]:
        journal = self._journal
        yield counter("apiserver_audit_event_total", "Audit events written.", (), [((), float(journal.written))])
        lost = [(("queue",), float(journal.dropped)), (("journal",), float(journal.failed))]
        yield counter("apiserver_audit_error_total", "Audit events lost.", ("plugin",), lost)
        text = "Requests refused because they could not be noted."  # none: a full queue loses events and no requests
        yield counter("apiserver_audit_requests_rejected_total", text, (), [((), 0.0)])


def _body(answer: Response, verdict: Verdict) -> bytes | None:
    """Of a refusal the Status; of others only where the policy wants it."""
    if answer.status < 400 and verdict.level < Level.RESPONSE:
        return None
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
