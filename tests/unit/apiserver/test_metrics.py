"""/metrics: requests, streams, watches and objects under upstream's names, for those who may read them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from podo.http.message import Response, Streaming
from podo.runtime.metrics import gauge
from tests.unit.apiserver.world import World, Written, certificate, in_world, pod

PODS = "/api/v1/namespaces/default/pods"


async def metrics(world: World) -> dict[str, float]:
    """Every line by its name and labels."""
    found = await world.answer("GET", "/metrics")
    assert isinstance(found, Response) and found.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert isinstance(found.body, bytes)
    lines = found.body.decode().splitlines()
    rows = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert len(rows) == len([line for line in lines if not line.startswith("#")]), "a series twice"
    return {name: float(value) for name, value in rows.items()}


def asked(verb: str, scope: str, code: int, resource: str = "pods", dry: str = "") -> str:
    labels = f'verb="{verb}",dry_run="{dry}",group="",version="v1",resource="{resource}",subresource="",scope="{scope}"'
    return f'apiserver_request_total{{{labels},component="apiserver",code="{code}"}}'


def test_requests_are_counted_by_what_was_asked_and_answered() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", PODS, pod("a"))
        await world.ask("POST", f"{PODS}?dryRun=All", pod("b"))
        for _ in range(3):
            await world.ask("GET", f"{PODS}/a")
        await world.ask("GET", f"{PODS}/b")
        await world.ask("GET", "/api/v1/pods")
        await world.ask("DELETE", PODS)
        await world.ask("GET", f"{PODS}/a", who=certificate("nobody"))
        await world.ask("GET", "/livez")
        await world.ask("GET", "/nothing")
        found = await metrics(world)
        assert found[asked("POST", "resource", 201)] == 1
        assert found[asked("POST", "resource", 201, dry="All")] == 1
        assert found[asked("GET", "resource", 200)] == 3
        assert found[asked("GET", "resource", 404)] == 1
        assert found[asked("GET", "resource", 403)] == 1
        assert found[asked("LIST", "cluster", 200)] == 1
        assert found[asked("DELETECOLLECTION", "namespace", 200)] == 1
        assert not any("nothing" in name for name in found)
        live = [name for name in found if name.startswith("apiserver_request_total") and '"/livez"' in name]
        assert len(live) == 1 and found[live[0]] == 1
        counts = [n for n in found if re.match(r'apiserver_request_duration_seconds_count\{verb="GET".*"pods"', n)]
        assert [found[name] for name in counts] == [5]
        last = [n for n in found if n.startswith("apiserver_request_duration_seconds_bucket") and 'le="+Inf"' in n]
        assert sum(found[name] for name in last if 'verb="GET"' in name and '"pods"' in name) == 5

    in_world(test)


def test_a_request_in_flight_and_a_stream_that_runs() -> None:
    async def test(world: World) -> None:
        found = await metrics(world)
        assert found['apiserver_current_inflight_requests{request_kind="readOnly"}'] == 1  # this one
        assert found['apiserver_current_inflight_requests{request_kind="mutating"}'] == 0
        stream = await world.answer("GET", f"{PODS}?watch=true&resourceVersion=0&timeoutSeconds=5")
        assert isinstance(stream, Streaming)
        running = asyncio.ensure_future(stream.produce(Written()))
        await world.client.create(pod("a"))
        await world.client.create(pod("b"))
        for _ in range(3):
            await asyncio.sleep(0)
        found = await metrics(world)
        labels = 'verb="WATCH",group="",version="v1",resource="pods",subresource="",scope="namespace"'
        assert found[f'apiserver_longrunning_requests{{{labels},component="apiserver"}}'] == 1
        assert found['apiserver_registered_watchers{group="",version="v1",kind="Pod"}'] == 1
        assert found['apiserver_watch_events_total{group="",version="v1",resource="pods"}'] == 2
        assert found['apiserver_current_inflight_requests{request_kind="readOnly"}'] == 1
        running.cancel()
        await asyncio.wait([running])
        assert not any("longrunning" in name for name in await metrics(world))

    in_world(test)


def test_reads_by_their_size_and_apis_that_are_deprecated() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("a"))
        await world.ask("GET", f"{PODS}/a")
        await world.ask("GET", "/api/v1/pods")
        await world.ask("GET", "/api/v1/componentstatuses")
        found = await metrics(world)
        labels = 'group="",version="v1",resource="pods",subresource=""'
        for verb, scope in (("GET", "resource"), ("LIST", "cluster")):
            name = f'{{verb="{verb}",{labels},scope="{scope}",component="apiserver"}}'
            assert found[f"apiserver_response_sizes_count{name}"] == 1
            assert found[f"apiserver_response_sizes_sum{name}"] > 300
        assert not any(name.startswith('apiserver_response_sizes_count{verb="POST"') for name in found)
        labels = 'group="",version="v1",resource="componentstatuses",subresource="",removed_release=""'
        assert found[f"apiserver_requested_deprecated_apis{{{labels}}}"] == 1

    in_world(test)


def test_who_asked_and_who_decided() -> None:
    async def test(world: World) -> None:
        before = await metrics(world)
        jane, mail = certificate("jane"), certificate("jane@example.com")
        assert (await world.ask("GET", "/version", who=jane))[0] == 200
        assert (await world.ask("GET", PODS, who=mail))[0] == 403
        assert (await world.ask("GET", PODS, who=None, authorization="Bearer abc"))[0] == 401
        found = await metrics(world)

        def more(name: str) -> float:
            return found[name] - before.get(name, 0)

        assert more('authenticated_user_requests{username="email_id"}') == 1
        assert more('authenticated_user_requests{username="other"}') == 2  # one of them asked for this page
        assert more('authentication_attempts{result="success"}') == 3
        assert more('authentication_attempts{result="failure"}') == 1
        allowed = 'apiserver_authorization_decisions_total{type="RBAC",name="rbac",decision="allowed"}'
        assert more(allowed) == 1

    in_world(test)


def test_health_checks_are_counted() -> None:
    async def test(world: World) -> None:
        await world.ask("GET", "/livez")
        await world.ask("GET", "/livez?exclude=ping")
        _, page = await world.ask("GET", "/metrics/slis")
        assert b'kubernetes_healthchecks_total{name="ping",type="livez",status="success"} 1\n' in page
        assert b'kubernetes_healthchecks_total{name="etcd",type="livez",status="success"} 2\n' in page

    in_world(test)


def test_pages_of_other_parts() -> None:
    async def test(world: World) -> None:
        path = "/metrics/resources"
        assert (await world.ask("GET", path))[0] == 404
        world.server.backend.metrics.pages[path] = lambda: [gauge("pods", "Pods.", ("node",), [(("a",), 2.0)])]
        _, page = await world.ask("GET", path)
        assert page == b'# HELP pods Pods.\n# TYPE pods gauge\npods{node="a"} 2\n'
        assert (await world.ask("GET", path, who=certificate("jane")))[0] == 403
        assert "pods" not in await metrics(world)
        assert path in (await world.ask("GET", "/"))[1]["paths"]

    in_world(test)


def test_objects_and_the_process() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("a"))
        found = await metrics(world)
        assert found['apiserver_resource_objects{group="",resource="pods"}'] == 1
        assert found['apiserver_storage_objects{resource="pods"}'] == 1
        assert found['apiserver_storage_objects{resource="deployments.apps"}'] == 0
        assert found["process_cpu_seconds_total"] > 0
        assert any(name.startswith("kubernetes_build_info") and "v1.37." in name for name in found)

    in_world(test)


def test_who_may_read_them() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("GET", "/metrics", who=None))[0] == 403
        assert (await world.ask("GET", "/metrics", who=certificate("mon", "system:monitoring")))[0] == 200
        assert (await world.ask("POST", "/metrics"))[0] == 405
        assert (await world.ask("GET", "/metrics/other"))[0] == 404
        assert (await world.ask("GET", "/debug/pprof"))[0] == 404

    in_world(test)


def test_labels_are_escaped() -> None:
    from podo.runtime.metrics import Counter, Histogram, exposition

    odd: dict[str, Any] = {}
    counted = Counter("b_total", "back\\slash\nline", ("x",))
    counted.add(('a"b\\c\nd',))
    counted.add(('a"b\\c\nd',), 1.5)
    timed = Histogram("a_seconds", "Times.", (), (0.1, 1))
    for value in (0.1, 0.5, 5):
        timed.of(odd.get("x", ())).observe(value)
    assert exposition([counted.family(), timed.family()]).decode() == (
        "# HELP a_seconds Times.\n# TYPE a_seconds histogram\n"
        'a_seconds_bucket{le="0.1"} 1\na_seconds_bucket{le="1"} 2\na_seconds_bucket{le="+Inf"} 3\n'
        "a_seconds_sum 5.6\na_seconds_count 3\n"
        "# HELP b_total back\\\\slash\\nline\n# TYPE b_total counter\n"
        'b_total{x="a\\"b\\\\c\\nd"} 2.5\n'
    )
