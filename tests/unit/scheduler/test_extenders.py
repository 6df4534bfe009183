"""Extenders: real webhooks on the loopback have a say in a decision."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from podo.scheduler import extended
from podo.scheduler.configuration import ExtenderSettings
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.extenders import ExtenderFailed, Extenders
from podo.scheduler.profile import default_profile
from podo.scheduler.reasons import Refusal
from podo.scheduler.snapshot import Snapshot
from tests.unit.scheduler.clusters import node, pod, snapshot

Answer = Callable[[str, Any], Any]


def served(answer: Answer, ask: Callable[[str], Awaitable[Any]]) -> Any:
    """Runs ``ask(url)`` against a server that gives ``answer(path, body)`` as JSON; None: an internal error."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length"))
        path = head.split(b" ")[1].decode()
        found = answer(path, json.loads(await reader.readexactly(length)))
        body = json.dumps(found).encode()
        status = b"500 No" if found is None else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async def run() -> Any:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            return await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base")
        finally:
            server.close()
            await server.wait_closed()

    return asyncio.run(run())


async def decide(cluster: Snapshot, *settings: ExtenderSettings) -> Placement | Refusal:
    extenders = Extenders(settings)
    try:
        nodes = {name: {"metadata": {"name": name}} for name in cluster.row_of}
        asked = pod("p", {"cpu": "1"})
        cycle = Cycle(cluster, default_profile())
        return await extended.place(asked, cycle, cluster, extenders, nodes, lambda count: 0)
    finally:
        extenders.close()


def three() -> Snapshot:
    return snapshot(node("a"), node("b"), node("c"))


def test_it_filters_and_prefers() -> None:
    seen: list[tuple[str, Any]] = []

    def answer(path: str, body: Any) -> Any:
        seen.append((path, body))
        if path == "/base/filter":
            items = [each for each in body["Nodes"]["items"] if each["metadata"]["name"] != "a"]
            return {"nodes": {"items": items}, "failedNodes": {"a": "no licence"}, "error": ""}
        return [{"host": "b", "score": 1}, {"host": "c", "score": 9}]

    def settings(url: str) -> Awaitable[Any]:
        return decide(three(), ExtenderSettings(url, "filter", "prioritize", weight=2))

    assert served(answer, settings) == Placement("c")
    assert [path for path, _ in seen] == ["/base/filter", "/base/prioritize"]
    assert seen[0][1]["Pod"]["metadata"]["name"] == "p" and len(seen[1][1]["Nodes"]["items"]) == 2


def test_by_names_and_nothing_left() -> None:
    def answer(path: str, body: Any) -> Any:
        assert body["NodeNames"] == ["a", "b", "c"] and body["Nodes"] is None
        reasons = dict.fromkeys(body["NodeNames"], "too far")
        return {"NodeNames": [], "FailedAndUnresolvableNodes": reasons}

    outcome = served(answer, lambda url: decide(three(), ExtenderSettings(url, "filter", names_only=True)))
    assert isinstance(outcome, Refusal)
    assert outcome.message() == "0/3 nodes are available: 3 too far."
    assert all(reason.unresolvable for reasons in outcome.reasons.values() for reason in reasons)


def test_one_that_fails_is_skipped_only_where_it_may_be() -> None:
    def broken(url: str) -> Awaitable[Any]:
        return decide(three(), ExtenderSettings(url, "filter", ignorable=True))

    assert isinstance(served(lambda path, body: None, broken), Placement)
    with pytest.raises(ExtenderFailed, match="answered 500"):
        served(lambda path, body: None, lambda url: decide(three(), ExtenderSettings(url, "filter")))
    with pytest.raises(ExtenderFailed, match="out of order"):
        served(
            lambda path, body: {"Error": "out of order"}, lambda url: decide(three(), ExtenderSettings(url, "filter"))
        )
    with pytest.raises(ExtenderFailed, match="was not asked about"):
        served(lambda path, body: {"NodeNames": ["z"]}, lambda url: decide(three(), ExtenderSettings(url, "filter")))


NONSENSE = [[1], "x", 5, {"NodeNames": 5}, {"nodes": {"items": [{}]}}, {"FailedNodes": [1], "NodeNames": ["a"]}]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=json.dumps)
def test_an_answer_of_another_form_is_none(nonsense: Any) -> None:
    with pytest.raises(ExtenderFailed, match="of the wrong form"):
        served(lambda path, body: nonsense, lambda url: decide(three(), ExtenderSettings(url, "filter")))
    skipped = served(lambda *_: nonsense, lambda url: decide(three(), ExtenderSettings(url, "filter", ignorable=True)))
    assert isinstance(skipped, Placement)


@pytest.mark.parametrize("nonsense", [{"host": "a"}, [{"host": "a", "score": "many"}], [1], 5], ids=json.dumps)
def test_scores_of_another_form_are_done_without(nonsense: Any) -> None:
    found = served(lambda *_: nonsense, lambda url: decide(three(), ExtenderSettings(url, prioritize_verb="p")))
    assert isinstance(found, Placement)


@pytest.mark.parametrize("nonsense", [[1], "x", 5], ids=json.dumps)
def test_a_binding_answered_in_another_form_has_failed(nonsense: Any) -> None:
    async def ask(url: str) -> None:
        extenders = Extenders([ExtenderSettings(url, bind_verb="bind")])
        binder = extenders.binder(pod("p"))
        assert binder is not None
        try:
            await binder.bind(pod("p"), "a")
        finally:
            extenders.close()

    with pytest.raises(ExtenderFailed, match="of the wrong form"):
        served(lambda *_: nonsense, ask)


def test_it_concerns_pods_that_ask_for_what_it_looks_after() -> None:
    extenders = Extenders([ExtenderSettings("http://127.0.0.1:1", "filter", resources=frozenset({"example.com/gpu"}))])
    assert not extenders.concern(pod("p", {"cpu": "1"})) and extenders.concern(pod("q", {"example.com/gpu": "1"}))
    extenders.close()


def test_it_binds() -> None:
    bodies: list[Any] = []

    async def ask(url: str) -> None:
        extenders = Extenders([ExtenderSettings(url, bind_verb="bind")])
        binder = extenders.binder(pod("p"))
        assert binder is not None
        await binder.bind(pod("p"), "a")
        extenders.close()

    def answer(path: str, body: Any) -> Any:
        bodies.append(body)
        return {}

    served(answer, ask)
    assert bodies == [{"PodName": "p", "PodNamespace": "default", "PodUID": "uid-p", "Node": "a"}]


def crowded() -> Snapshot:
    cluster = three()
    for name in ("a", "b", "c"):
        for number in range(2):
            cluster.add_pod(pod(f"{name}{number}", {"cpu": "2"}), name)
    return cluster


async def make_room(cluster: Snapshot, *settings: ExtenderSettings) -> tuple[str, list[str], str]:
    """The node, who goes there, and the words."""
    extenders = Extenders(settings)
    try:
        asked, cycle = pod("p", {"cpu": "1"}, priority=10), Cycle(cluster, default_profile())
        refusal = cycle.refusal(asked)
        victims, refusal = await extended.make_room(asked, cycle, cluster, extenders, refusal, 0)
        found = (victims.node_name, [each.name for each in victims.pods]) if victims else ("", [])
        return (*found, refusal.preemption)
    finally:
        extenders.close()


def test_it_spares_victims() -> None:
    seen: list[Any] = []

    def answer(path: str, body: Any) -> Any:
        seen.append(body)
        return {"nodeNameToMetaVictims": {"c": {"pods": [{"uid": "uid-c1"}, {"uid": "uid-c0"}], "numPDBViolations": 0}}}

    def whole(url: str) -> Awaitable[Any]:
        return make_room(crowded(), ExtenderSettings(url, preempt_verb="preempt"))

    def names(url: str) -> Awaitable[Any]:
        return make_room(crowded(), ExtenderSettings(url, preempt_verb="preempt", names_only=True))

    assert served(answer, whole)[:2] == ("c", ["c1", "c0"])
    assert {len(each["Pods"]) for each in seen[0]["NodeNameToVictims"].values()} == {1}
    assert seen[0]["NodeNameToVictims"]["a"]["Pods"][0]["metadata"]["name"] in ("a0", "a1")
    assert served(answer, names)[0] == "c"
    assert seen[1]["NodeNameToMetaVictims"]["b"]["Pods"][0]["UID"].startswith("uid-b")


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        ({"NodeNameToMetaVictims": {}}, "no candidate node for preemption"),
        ({"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "uid-b0"}]}}}, "the pod is not found on that node"),
        ({"NodeNameToMetaVictims": {"a": {"Pods": []}}}, 'expected at least one victim pod on node "a"'),
        (None, "answered 500"),
        ({"NodeNameToMetaVictims": {"a": 1}}, "preempt: "),
    ],
)
def test_what_it_answers_about_victims_is_checked(answered: Any, words: str) -> None:
    def must(url: str) -> Awaitable[Any]:
        return make_room(crowded(), ExtenderSettings(url, preempt_verb="preempt"))

    def may(url: str) -> Awaitable[Any]:
        return make_room(crowded(), ExtenderSettings(url, preempt_verb="preempt", ignorable=True))

    node_name, _, said = served(lambda path, body: answered, must)
    assert not node_name and words in said
    node_name, _, said = served(lambda path, body: answered, may)
    none_left = "no candidate" in words or "at least one" in words  # a node without victims is left out
    assert bool(node_name) != none_left
