"""API Priority and Fairness as clients meet it: headers, waiting, 429, changes of the configuration, metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from podo.api import registry
from podo.api.encoding import dumps, stamp
from podo.api.kinds.flowcontrol import defaults as default_objects
from podo.apiserver.fairness.bootstrap import ensure_defaults
from podo.apiserver.fairness.control import Fairness
from podo.apiserver.fairness.report import families
from podo.apiserver.fairness.watchcost import event_cost
from podo.http.message import Response, Streaming
from podo.lab.virtualtime import START, run
from podo.runtime.clock import LoopClock, SystemClock
from podo.storage.memory import MemoryStore
from tests.unit.apiserver.world import World, Written, certificate, in_world, pod, text_of

PODS = "/api/v1/namespaces/default/pods"
API = "flowcontrol.apiserver.k8s.io/v1"
FLOWS = f"/apis/{API}/flowschemas"
LEVELS = f"/apis/{API}/prioritylevelconfigurations"
ANN = certificate("ann", "testers")


def level(name: str, shares: int = 0, queuing: dict[str, int] | None = None) -> dict[str, Any]:
    response = {"type": "Queue", "queuing": queuing} if queuing else {"type": "Reject"}
    limited = {"nominalConcurrencyShares": shares, "borrowingLimitPercent": 0, "limitResponse": response}
    spec = {"type": "Limited", "limited": limited}
    return {"apiVersion": API, "kind": "PriorityLevelConfiguration", "metadata": {"name": name}, "spec": spec}


def schema(name: str, to: str, precedence: int = 50) -> dict[str, Any]:
    everything = {field: ["*"] for field in ("verbs", "apiGroups", "resources", "namespaces")}
    rule = {
        "subjects": [{"kind": "Group", "group": {"name": "testers"}}],
        "resourceRules": [{**everything, "clusterScope": True}],
    }
    spec = {
        "matchingPrecedence": precedence,
        "priorityLevelConfiguration": {"name": to},
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [rule],
    }
    return {"apiVersion": API, "kind": "FlowSchema", "metadata": {"name": name}, "spec": spec}


async def let_ann_read(world: World) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "ann"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}],
    }
    await world.client.create(binding)


async def asked(world: World, target: str, who: bytes | None = ANN, method: str = "GET") -> Response:
    found = await world.answer(method, target, who=who)
    assert isinstance(found, Response)
    return found


async def flow_of(world: World, answer: Response) -> tuple[str, str]:
    """The names of the schema and level that an answer's headers tell."""
    headers = {name.lower(): value for name, value in answer.headers}
    names = []
    for kind, header in (("FlowSchema", "flowschema"), ("PriorityLevelConfiguration", "prioritylevel")):
        uid = headers[f"x-kubernetes-pf-{header}-uid"]
        objects = (await world.client.list(kind)).items
        names.append(next(obj["metadata"]["name"] for obj in objects if obj["metadata"]["uid"] == uid))
    return names[0], names[1]


def test_every_cluster_has_the_default_objects() -> None:
    async def test(world: World) -> None:
        _, flows = await world.ask("GET", FLOWS)
        _, levels = await world.ask("GET", LEVELS)
        assert len(flows["items"]) == 13 and len(levels["items"]) == 8
        assert all(flow["status"]["conditions"][0]["status"] == "False" for flow in flows["items"])
        for item in (*flows["items"], *levels["items"]):
            assert item["metadata"]["annotations"] == {"apf.kubernetes.io/autoupdate-spec": "true"}
            assert item["metadata"]["generation"] == 1

    in_world(test)


def test_answers_tell_their_flow() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        admin = await world.answer("GET", PODS)
        assert isinstance(admin, Response) and await flow_of(world, admin) == ("exempt", "exempt")
        assert await flow_of(world, await asked(world, PODS)) == ("global-default", "global-default")
        absent = await asked(world, f"{PODS}/absent")
        assert absent.status == 404 and await flow_of(world, absent) == ("global-default", "global-default")
        forbidden = await asked(world, PODS, certificate("bob"))
        assert forbidden.status == 403 and await flow_of(world, forbidden) == ("global-default", "global-default")
        assert await flow_of(world, await asked(world, "/livez", None)) == ("probes", "exempt")
        stranger = await asked(world, PODS, certificate("system:node:n1", "system:nodes"))
        assert await flow_of(world, stranger) == ("system-nodes", "system")
        nowhere = await asked(world, "/nowhere")
        again = await asked(world, "/nowhere")
        assert nowhere.headers == again.headers and len(nowhere.headers) == 2

    in_world(test)


def test_a_change_holds_for_the_next_request() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(schema("tests", "nowhere"))
        assert await flow_of(world, await asked(world, PODS)) == ("global-default", "global-default")
        await world.client.create(level("nowhere", 5))
        assert await flow_of(world, await asked(world, PODS)) == ("tests", "nowhere")
        await world.client.create(schema("first", "workload-low", 49))
        assert await flow_of(world, await asked(world, PODS)) == ("first", "workload-low")
        await world.client.delete("FlowSchema", "first")
        await world.client.delete("FlowSchema", "tests")
        assert await flow_of(world, await asked(world, PODS)) == ("global-default", "global-default")

    in_world(test)


def test_what_is_too_much_is_refused_with_429() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(level("tight", 0))
        await world.client.create(schema("tests", "tight"))
        of_path = world.server.fairness.flow_of_path(await user_of(world), "get", "/x")
        assert of_path.schema == "global-default"  # the schema has no rule for paths
        held = await hold(world, "tight")
        refused = await asked(world, f"{PODS}/a")
        assert refused.status == 429 and dict(refused.headers)["Retry-After"] == "1"
        status = orjson.loads(text_of(refused))
        assert (status["reason"], status["message"]) == (
            "TooManyRequests",
            "Too many requests, please try again later.",
        )
        admin = await world.ask("GET", f"{PODS}/a")
        assert admin[0] == 404  # exempt
        _, page = await world.ask("GET", "/metrics")
        labels = 'priority_level="tight",flow_schema="tests",reason="concurrency-limit"'
        assert f"apiserver_flowcontrol_rejected_requests_total{{{labels}}} 1\n".encode() in page
        flow = 'priority_level="tight",flow_schema="tests"'
        assert f"apiserver_flowcontrol_current_executing_seats{{{flow}}} 1\n".encode() in page
        assert f"apiserver_flowcontrol_current_executing_requests{{{flow}}} 1\n".encode() in page
        assert b'apiserver_flowcontrol_current_limit_seats{priority_level="tight"} 0\n' in page
        labels = 'priority_level="exempt",flow_schema="exempt",execute="true",le="0"'
        assert f"apiserver_flowcontrol_request_wait_duration_seconds_bucket{{{labels}}} ".encode() in page
        assert b'apiserver_request_terminations_total{verb="GET"' in page
        _, dump = await world.ask("GET", "/debug/api_priority_and_fairness/dump_priority_levels")
        assert b"tight, 0, false, false, 0, 1, 1, 1, 0, 0\n" in dump
        held()
        assert (await asked(world, f"{PODS}/a")).status == 404

    in_world(test)


async def user_of(world: World) -> Any:
    from podo.authn.user import User

    return User("ann", ("testers", "system:authenticated"))


async def hold(world: World, name: str) -> Any:
    """Take the seat of a level; a function that gives it back."""
    from podo.apiserver.call import Call

    fairness = world.server.fairness
    call = Call("get", registry.named("Pod"), "default", "x", user=await user_of(world))
    flow = fairness.flow_of(call)
    assert flow.level.limits.name == name and fairness.try_enter(flow, 1)
    return lambda: fairness.leave(flow, 1)


def test_requests_wait_for_a_seat_and_full_queues_refuse() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(level("tight", 0, {"queues": 1, "handSize": 1, "queueLengthLimit": 2}))
        await world.client.create(schema("tests", "tight"))
        held = await hold(world, "tight")
        waiting = [asyncio.ensure_future(asked(world, f"{PODS}/a")) for _ in range(2)]
        while world.server.fairness.seats.levels["tight"].waiting < 2:
            await asyncio.sleep(0)
        assert (await asked(world, f"{PODS}/a")).status == 429
        assert not any(task.done() for task in waiting)
        _, dump = await world.ask("GET", "/debug/api_priority_and_fairness/dump_queues")
        assert b"\ntight, 0, 2, " in dump
        _, dump = await world.ask("GET", "/debug/api_priority_and_fairness/dump_requests")
        assert [row.split(b", ")[:5] for row in dump.splitlines()[1:]] == [
            [b"tight", b"tests", b"0", str(place).encode(), b"ann"] for place in range(2)
        ]
        waiting.pop().cancel()  # the client has gone
        held()
        assert (await waiting[0]).status == 404
        seats = world.server.fairness.seats.levels["tight"]
        assert (seats.in_use, seats.waiting, seats.executing) == (0, 0, 0)

    in_world(test)


def test_streams_hold_no_seat() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(level("tight", 0))
        await world.client.create(schema("tests", "tight"))
        for _ in range(3):
            await world.answer("GET", f"{PODS}?watch=true", who=ANN)
        assert (await asked(world, f"{PODS}/a")).status == 404
        assert world.server.fairness.seats.levels["tight"].in_use == 0

    in_world(test)


def test_a_watch_gives_its_seat_back_when_its_initial_events_are_sent() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(level("tight", 0))
        await world.client.create(schema("tests", "tight"))
        await world.client.create(pod("a"))
        fairness, writer = world.server.fairness, Written()
        watch = await world.answer("GET", f"{PODS}?watch=true", who=ANN)
        assert isinstance(watch, Streaming)
        assert (await asked(world, f"{PODS}/a")).status == 429
        running = asyncio.ensure_future(watch.produce(writer))
        while not fairness.watches:
            await asyncio.sleep(0)
        assert b"ADDED" in writer.data and not running.done()
        assert (await asked(world, f"{PODS}/a")).status == 200
        running.cancel()
        await asyncio.wait([running])
        assert not fairness.watches and fairness.seats.levels["tight"].in_use == 0
        refused = await world.answer("GET", f"{PODS}?watch=true&labelSelector=a(", who=ANN)
        assert refused.status == 400 and fairness.seats.levels["tight"].in_use == 0

    in_world(test)


def test_a_write_keeps_its_seats_while_watches_are_told() -> None:
    async def test(world: World) -> None:
        await let_ann_read(world)
        await world.client.create(level("wide", 1000))
        await world.client.create(schema("tests", "wide"))
        fairness, running = world.server.fairness, []
        for target in (*(f"{PODS}?watch=true",) * 25, *(f"{PODS}?watch=true&fieldSelector=spec.nodeName%3Dn",) * 9):
            watch = await world.answer("GET", target, who=ANN)
            assert isinstance(watch, Streaming)
            running.append(asyncio.ensure_future(watch.produce(Written())))
        while fairness.watches.concerned(registry.named("Pod"), "default") < 25:
            await asyncio.sleep(0)
        seats = fairness.seats.levels["wide"]
        assert seats.in_use == 0
        await asked(world, f"{PODS}/absent", method="DELETE")
        assert seats.in_use == 3  # for the events, though it is answered
        await asked(world, "/api/v1/namespaces/other/pods/absent", method="DELETE")
        assert seats.in_use == 3  # nobody watches there
        while seats.in_use:
            await asyncio.sleep(0.001)
        for one in running:
            one.cancel()
        await asyncio.wait(running)
        assert not fairness.watches

    in_world(test)


@pytest.mark.parametrize(
    ("watches", "cost"), [(0, (1, 0)), (9, (1, 0)), (10, (1, 0.005)), (95, (10, 0.005)), (1000, (10, 0.05))]
)
def test_the_cost_of_an_event(watches: int, cost: tuple[int, float]) -> None:
    assert event_cost(watches, 10) == pytest.approx(cost)


def test_large_lists_take_several_seats() -> None:
    async def test(world: World) -> None:
        from podo.apiserver.call import Call
        from podo.apiserver.fairness.width import width_of

        for number in range(250):
            await world.client.create(pod(f"p{number}"))
        everywhere = Call("list", registry.named("Pod"))
        widths = {
            "": 3,
            "limit=150": 2,
            "limit=500": 3,
            "limit=x": 3,
            "limit=10&labelSelector=a": 2,
            "fieldSelector=metadata.name=p1": 1,
        }
        for query, width in widths.items():
            parsed = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
            assert width_of(world.store, everywhere, parsed) == width, query
        assert width_of(world.store, Call("list", registry.named("Pod"), "other"), {}) == 1
        watch = Call("watch", registry.named("Pod"))
        assert width_of(world.store, watch, {}) == 3 and width_of(world.store, watch, {"resourceVersion": "7"}) == 1

    in_world(test)


def test_a_start_repairs_what_is_its_own() -> None:
    async def test(world: World) -> None:
        client = world.client
        for name, annotation in (("global-default", "false"), ("service-accounts", "true")):
            obj = await client.get("FlowSchema", name)
            obj["spec"]["matchingPrecedence"] = 9950
            obj["metadata"]["annotations"]["apf.kubernetes.io/autoupdate-spec"] = annotation
            await client.update(obj)
        await client.delete("FlowSchema", "probes")
        await client.delete("PriorityLevelConfiguration", "catch-all")
        revision = world.store.revision
        await ensure_defaults(world.server.backend)
        assert world.store.revision == revision + 3
        assert (await client.get("FlowSchema", "global-default"))["spec"]["matchingPrecedence"] == 9950
        repaired = await client.get("FlowSchema", "service-accounts")
        assert (repaired["spec"]["matchingPrecedence"], repaired["metadata"]["generation"]) == (9000, 3)
        assert (await client.get("PriorityLevelConfiguration", "catch-all"))["spec"]["type"] == "Limited"
        await ensure_defaults(world.server.backend)
        assert world.store.revision == revision + 3

    in_world(test)


def test_without_any_object_the_mandatory_ones_hold() -> None:
    async def test() -> None:
        fairness = Fairness(SystemClock())
        flow = fairness.flow_of_path(await user_of(World.__new__(World)), "get", "/x")
        assert (flow.schema, flow.level.limits.name, flow.headers) == ("catch-all", "catch-all", ())

    asyncio.run(test())


def test_seats_are_shared_out_anew_while_somebody_asks_and_not_while_nobody_does() -> None:
    async def test() -> None:
        fairness = Fairness(LoopClock(START, asyncio.get_running_loop()))
        store = MemoryStore(stamp)
        await store.open()
        for obj in (*default_objects.priority_levels(), *default_objects.flow_schemas()):
            kind = registry.named(obj["kind"])
            await store.create(kind.key("", obj["metadata"]["name"]), dumps(obj))
        await fairness.start(store)
        flow = fairness.flow_of_path(await user_of(World.__new__(World)), "get", "/x")
        own = flow.level.current
        held = 0
        while fairness.try_enter(flow, 1):
            held += 1
        assert held == own
        waiting = asyncio.create_task(fairness.enter(flow, 1))
        await asyncio.sleep(10.5)
        assert waiting.done() and flow.level.current > own  # borrowed of those whom nobody asks
        page = {family.name: {one.labels: one.value for one in family.samples} for family in families(fairness)}
        assert page["apiserver_flowcontrol_demand_seats_high_watermark"][("global-default",)] == own + 1
        assert page["apiserver_flowcontrol_current_limit_seats"][("global-default",)] == flow.level.current
        for _ in range(own + 1):
            fairness.leave(flow, 1)
        await asyncio.sleep(3600)
        assert fairness.seats.adjusted_at < 100.0  # nothing happens while nobody asks
        before = flow.level.demand.observed.smoothed
        assert fairness.try_enter(flow, 1) and flow.level.demand.observed.smoothed < before / 100
        fairness.leave(flow, 1)

    run(test())
