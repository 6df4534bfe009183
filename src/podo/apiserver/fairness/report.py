"""What can be seen of API Priority and Fairness: metrics under upstream's names, and the dumps of its debug pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from podo.apiserver.fairness.control import Fairness
from podo.apiserver.fairness.demand import Observed
from podo.apiserver.fairness.limits import Limits
from podo.apiserver.fairness.seats import Level
from podo.http.message import Response
from podo.runtime.metrics import Family, counter, gauge
from podo.values import timestamp

DUMPS = "/debug/api_priority_and_fairness/"
_PREFIX = "apiserver_flowcontrol_"
_LEVEL = ("priority_level",)
_FLOW = ("priority_level", "flow_schema")


def families(fairness: Fairness) -> Iterable[Family]:
    counts = fairness.counts.items()
    dispatched = [(key, float(one.dispatched)) for key, one in counts]
    yield counter(f"{_PREFIX}dispatched_requests_total", "Requests that were let in.", _FLOW, dispatched)
    rejected = [((*key, reason), float(n)) for key, one in counts for reason, n in one.rejected.items()]
    text = "Requests that were refused with 429."
    yield counter(f"{_PREFIX}rejected_requests_total", text, (*_FLOW, "reason"), rejected)
    yield _waits(fairness)
    yield fairness.lengths.family()
    for name, text, value in _OF_FLOWS:
        yield gauge(f"{_PREFIX}{name}", text, _FLOW, [(key, float(value(one))) for key, one in counts])
    text = "The part of what they seemed to need that all levels get which may."
    yield gauge(f"{_PREFIX}seat_fair_frac", text, (), [((), fairness.seats.fraction)])
    levels = fairness.seats.levels
    for name, text, value in _GAUGES:
        rows = [((level,), float(value(levels[level]))) for level in sorted(levels)]
        yield gauge(f"{_PREFIX}{name}", text, _LEVEL, rows)


def _limits(level: Level) -> Limits:
    return level.limits


def _seen(level: Level) -> Observed:
    return level.demand.observed


def _waits(fairness: Fairness) -> Family:
    """With those that did not wait: they are counted when somebody wants to know."""
    for (level, schema), counts in fairness.counts.items():
        fairness.waits.of((level, schema, "true")).observe_all(0.0, counts.dispatched - counts.observed)
        counts.observed = counts.dispatched
    return fairness.waits.family()


_OF_FLOWS = (
    ("current_executing_requests", "Requests that are worked on now.", lambda counts: counts.executing),
    ("current_executing_seats", "Seats that are taken now.", lambda counts: counts.seats),
    ("current_inqueue_requests", "Requests that wait now.", lambda counts: counts.waiting),
    ("current_inqueue_seats", "Seats that those want who wait now.", lambda counts: counts.waiting_seats),
)
_GAUGES = (
    ("nominal_limit_seats", "Seats by the level's shares.", lambda level: _limits(level).nominal),
    ("lower_limit_seats", "Seats that are never lent.", lambda level: _limits(level).least),
    ("upper_limit_seats", "Seats with all that may be borrowed.", lambda level: _limits(level).most),
    ("current_limit_seats", "Seats that the level has until the next adjustment.", lambda level: level.current),
    ("target_seats", "Seats that the level seemed to need at the last adjustment.", lambda level: level.target),
    (
        "demand_seats_high_watermark",
        "Most seats asked for at once, in the last period.",
        lambda level: _seen(level).peak,
    ),
    ("demand_seats_average", "Seats asked for, in the last period.", lambda level: _seen(level).average),
    ("demand_seats_stdev", "How far that went up and down, in the last period.", lambda level: _seen(level).deviation),
    ("demand_seats_smoothed", "Seats asked for, over time.", lambda level: _seen(level).smoothed),
)


def dump(fairness: Fairness, name: str) -> Response | None:
    """One of the pages below ``DUMPS``; None for one that there is not."""
    page = PAGES.get(name)
    if page is None:
        return None
    text = "".join(", ".join(row) + "\n" for row in page(fairness))
    return Response(200, text.encode(), "text/plain; charset=utf-8")


def _levels(fairness: Fairness) -> Iterable[Sequence[str]]:
    header = ("PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests", "ExecutingRequests")
    more = ("DispatchedRequests", "RejectedRequests", "TimedoutRequests", "CancelledRequests")
    yield (*header, *more)
    yield from (_row(name, level) for name, level in sorted(fairness.seats.levels.items()))


def _queues(fairness: Fairness) -> Iterable[Sequence[str]]:
    """Those in which somebody waits, and the empty ones of each level that has queues."""
    yield ("PriorityLevelName", "Index", "PendingRequests", "NextDispatchR", "InitialSeatsSum")
    for name, level in sorted(fairness.seats.levels.items()):
        if level.queues is None:
            continue
        for index, (waiting, served, seats) in enumerate(level.queues.lengths()):
            yield (name, str(index), str(waiting), f"{served:.8f}ss", str(seats))


def _requests(fairness: Fairness) -> Iterable[Sequence[str]]:
    """Those that wait."""
    header = ("PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue", "FlowDistingsher")
    yield (*header, "ArriveTime", "InitialSeats")
    for name, level in sorted(fairness.seats.levels.items()):
        for index, entry in level.queues.waiting() if level.queues is not None else ():
            place = (name, entry.schema, str(entry.queue), str(index), entry.distinguisher)
            yield (*place, timestamp.micro_time(entry.came), str(entry.width))


def _row(name: str, level: Level) -> Sequence[str]:
    rejected = sum(count for reason, count in level.rejected.items() if reason != "time-out")
    idle = not level.executing and not level.waiting
    numbers = (level.waiting, level.executing, level.dispatched, rejected, level.rejected.get("time-out", 0))
    active = level.queues.active if level.queues is not None else 0
    return (name, str(active), str(idle).lower(), "false", *map(str, numbers), str(level.cancelled))


#: The dumps by their names.
PAGES: dict[str, Callable[[Fairness], Iterable[Sequence[str]]]] = {
    "dump_priority_levels": _levels,
    "dump_queues": _queues,
    "dump_requests": _requests,
}
