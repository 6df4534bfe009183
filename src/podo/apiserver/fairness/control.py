"""The door of API Priority and Fairness: finds the flow of a request, gives it seats or lets it wait, and follows the
FlowSchemas and PriorityLevelConfigurations in the store.

    flow = fairness.flow_of(call)
    await fairness.enter(flow, width)      # raises TooManyRequests
    try: ...
    finally: fairness.leave(flow, width)

While nothing waits, the three together cost two microseconds: which flow it is, is found out once for a user, verb and
resource.
"""

from __future__ import annotations

import asyncio
from math import ceil

from podo.api.encoding import load
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.kinds.flowcontrol.flowschema import FLOWSCHEMA
from podo.api.kinds.flowcontrol.prioritylevelconfiguration import PRIORITYLEVELCONFIGURATION
from podo.apiserver.call import Call
from podo.apiserver.fairness.borrowing import PERIOD
from podo.apiserver.fairness.dealing import hand_of
from podo.apiserver.fairness.limits import Limits, limits_of
from podo.apiserver.fairness.matching import Asked, Schema, first_match, in_order, schema_of
from podo.apiserver.fairness.seats import Level, Seats
from podo.apiserver.fairness.watchcost import WatchCounts
from podo.authn.user import User
from podo.authz.following import follow
from podo.runtime.clock import Clock
from podo.runtime.metrics import Histogram
from podo.runtime.tasks import within
from podo.storage.contract import Store

#: Seats of a server: upstream's limits of reading and mutating requests in flight together.
TOTAL_SEATS = 400 + 200
#: Seconds that a request may wait: a quarter of what it may take.
PATIENCE = 15.0
#: No request takes more than this part of its level's own seats.
WIDEST = 0.15
#: Flows that are remembered.
REMEMBERED = 8192
#: What is asked for by a longer path is looked up each time: who asks chooses it.
MOST_PATH = 1024
_LENGTHS = (0.0, 10, 25, 50, 100, 250, 500, 1000)
_WAITS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)

Headers = tuple[tuple[str, str], ...]


class Counts:
    """What became of the requests of one FlowSchema, and how many are where now."""

    __slots__ = ("dispatched", "executing", "observed", "rejected", "seats", "waiting", "waiting_seats")

    def __init__(self) -> None:
        self.dispatched = self.executing = self.seats = self.waiting = self.waiting_seats = 0
        self.observed = 0  # of those dispatched: who is in the histogram of waits
        self.rejected: dict[str, int] = {}  # by the reason


class Flow:
    """Requests that are treated alike. ``headers``: what their answers say of it."""

    __slots__ = ("counts", "distinguisher", "headers", "level", "schema", "widest")

    def __init__(self, schema: Schema, level: Level, distinguisher: str, counts: Counts) -> None:
        self.schema = schema.name
        self.level = level
        self.distinguisher = distinguisher
        self.counts = counts
        self.widest = _widest(level.limits)
        uids = (schema.uid, level.limits.uid)
        names = ("X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid")
        self.headers: Headers = tuple((name, uid) for name, uid in zip(names, uids, strict=True) if uid)


class Fairness:
    def __init__(self, clock: Clock, total: int = TOTAL_SEATS) -> None:
        self.seats = Seats(clock.monotonic)
        self.counts: dict[tuple[str, str], Counts] = {}  # by level and schema
        self.waits = Histogram(
            "apiserver_flowcontrol_request_wait_duration_seconds",
            "How long requests waited that had to.",
            ("priority_level", "flow_schema", "execute"),
            _WAITS,
        )
        self.lengths = Histogram(
            "apiserver_flowcontrol_request_queue_length_after_enqueue",
            "How long queues were with the request that had come.",
            ("priority_level", "flow_schema"),
            _LENGTHS,
        )
        self.watches = WatchCounts()
        self._clock = clock
        self._total = total
        self._schemas: dict[str, Obj] = {}
        self._levels: dict[str, Obj] = {}
        self._ordered: list[Schema] = []
        self._flows: dict[object, Flow] = {}
        self._stale = True
        self._resting = True  # nobody has asked for a seat since the last adjustment but one

    async def start(self, store: Store) -> None:
        """A FlowSchema or PriorityLevelConfiguration is in force for the requests after its write."""
        await follow(store, FLOWSCHEMA.prefix, self._schema_told)
        await follow(store, PRIORITYLEVELCONFIGURATION.prefix, self._level_told)

    def _schema_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        self._told(self._schemas, key.removeprefix(FLOWSCHEMA.prefix), value)

    def _level_told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        self._told(self._levels, key.removeprefix(PRIORITYLEVELCONFIGURATION.prefix), value)

    def _told(self, known: dict[str, Obj], name: str, value: bytes | None) -> None:
        if value is None:
            known.pop(name, None)
        else:
            known[name] = load(value)
        self._stale = True

    def _read(self) -> None:
        """Take in what has changed. What is mandatory is there even while it is not."""
        self._stale = False
        self._flows.clear()
        levels = {**_mandatory(defaults.priority_levels()), **self._levels}
        schemas = {**_mandatory(defaults.flow_schemas()), **self._schemas}
        self.seats.configure(limits_of(levels.values(), self._total))
        self._ordered = in_order(
            schema for schema in map(schema_of, schemas.values()) if schema.level in self.seats.levels
        )

    def flow_of(self, call: Call) -> Flow:
        if self._stale:
            self._read()
        user = call.user
        key = (user.name, user.groups, call.verb, call.kind, call.subresource, call.namespace)
        return self._flows.get(key) or self._find(key, _asked(call, call.kind))

    def flow_of_path(self, user: User, verb: str, path: str) -> Flow:
        """Of a request for no resource."""
        if self._stale:
            self._read()
        key = (user.name, user.groups, verb, path)
        return self._flows.get(key) or self._find(key, Asked(user.name, user.groups, verb, path=path))

    def _find(self, key: object, asked: Asked) -> Flow:
        schema = first_match(self._ordered, asked) or self._ordered[-1]
        level = self.seats.levels[schema.level]
        counts = self.counts.setdefault((schema.level, schema.name), Counts())
        if len(self._flows) >= REMEMBERED:
            self._flows.clear()
        flow = Flow(schema, level, schema.distinguisher(asked), counts)
        if len(asked.path) <= MOST_PATH:
            self._flows[key] = flow
        return flow

    def try_enter(self, flow: Flow, width: int) -> bool:
        """Seats at once; False where ``enter`` has to wait for them."""
        if self._resting:
            self._wake()
        if not self.seats.take(flow.level, width):
            return False
        counts = flow.counts
        counts.dispatched += 1
        counts.executing += 1
        counts.seats += width
        return True

    def _wake(self) -> None:
        """Seats are shared out anew from time to time again."""
        self._resting = False
        asyncio.get_running_loop().call_later(self.seats.catch_up(), self._adjust)

    def _adjust(self) -> None:
        if self.seats.adjust():
            asyncio.get_running_loop().call_later(PERIOD, self._adjust)
        else:
            self._resting = True

    async def enter(self, flow: Flow, width: int) -> None:
        """Raises TooManyRequests where the level has no queues, they are full, or nothing became free in time."""
        level, queuing = flow.level, flow.level.limits.queuing
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        hand = hand_of(flow.schema, flow.distinguisher, queuing.queues, queuing.hand) if queuing else ()
        entry = self.seats.wait(level, hand, width, turn)
        if entry is None:
            raise self._rejected(flow, "queue-full" if queuing else "concurrency-limit")
        entry.schema, entry.distinguisher, entry.came = flow.schema, flow.distinguisher, self._clock.now()
        counts, begun = flow.counts, self._clock.monotonic()
        self.lengths.of((level.limits.name, flow.schema)).observe(level.length_of(entry))
        counts.waiting += 1
        counts.waiting_seats += width
        went = False
        try:
            went = await within(PATIENCE, turn)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            level.cancelled += 1
            raise
        finally:
            counts.waiting -= 1
            counts.waiting_seats -= width
            if not went:
                self.seats.give_up(level, entry)
            waited = self._clock.monotonic() - begun
            self.waits.of((level.limits.name, flow.schema, str(went).lower())).observe(waited)
        if not went:
            raise self._rejected(flow, "time-out")
        counts.dispatched += 1
        counts.observed += 1
        counts.executing += 1
        counts.seats += width

    def leave(self, flow: Flow, width: int) -> None:
        counts = flow.counts
        counts.executing -= 1
        counts.seats -= width
        self.seats.free(flow.level, width)

    def leave_after(self, flow: Flow, width: int, seconds: float) -> None:
        """The request is answered, but what it has set off goes on for a while."""
        asyncio.get_running_loop().call_later(seconds, self.leave, flow, width)

    def _rejected(self, flow: Flow, reason: str) -> ApiError:
        flow.level.reject(reason)
        flow.counts.rejected[reason] = flow.counts.rejected.get(reason, 0) + 1
        message = "Too many requests, please try again later."
        return ApiError("TooManyRequests", message, {"retryAfterSeconds": 1})


def _widest(limits: Limits) -> int:
    """Nor does one take so much that it fits in no more than one queue of its flow's hand."""
    widest = ceil(limits.nominal * WIDEST)
    return max(1, min(widest, limits.nominal // limits.queuing.hand) if limits.queuing else widest)


def _asked(call: Call, kind: Kind) -> Asked:
    resource = f"{kind.plural}/{call.subresource}" if call.subresource else kind.plural
    return Asked(call.user.name, call.user.groups, call.verb, kind.group, resource, call.namespace)


def _mandatory(objects: list[Obj]) -> dict[str, Obj]:
    return {obj["metadata"]["name"]: obj for obj in objects if obj["metadata"]["name"] in defaults.MANDATORY}
