"""resourceVersion, resourceVersionMatch, limit and continue in all their combinations, as the API concepts list them;
and pages of a list that goes on while objects change."""

from __future__ import annotations

import asyncio
import base64
import itertools
from typing import Any
from urllib.parse import quote

import orjson

from podo.http.message import Streaming
from tests.unit.apiserver.world import World, Written, in_world

MAPS = "/api/v1/namespaces/default/configmaps"


async def make(world: World, *names: str) -> None:
    for name in names:
        metadata = {"name": name, "namespace": "default"}
        await world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


async def listed(world: World, **query: str) -> tuple[int, Any]:
    text = "&".join(f"{name}={quote(value)}" for name, value in query.items() if value)
    return await world.ask("GET", f"{MAPS}?{text}")


def names(found: Any) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


#: What each request gives: the newest state, the one of the revision asked for, or a refusal.
OLD, FUTURE = "old", "future"
NEWEST, EXACT = ["a", "b", "c"], ["a", "b"]
TABLE: list[tuple[str, str, str, int | list[str]]] = [
    # match, limit, revision, answer
    ("", "", "", NEWEST),
    ("", "", "0", NEWEST),
    ("", "", OLD, NEWEST),  # not older than
    ("", "", FUTURE, 504),
    ("", "9", "", NEWEST),
    ("", "9", "0", NEWEST),
    ("", "9", OLD, EXACT),  # legacy: exact
    ("", "9", FUTURE, 504),
    ("Exact", "", "", 422),
    ("Exact", "", "0", 422),
    ("Exact", "", OLD, EXACT),
    ("Exact", "", FUTURE, 504),
    ("Exact", "9", "", 422),
    ("Exact", "9", "0", 422),
    ("Exact", "9", OLD, EXACT),
    ("NotOlderThan", "", "", 422),
    ("NotOlderThan", "", "0", NEWEST),
    ("NotOlderThan", "", OLD, NEWEST),
    ("NotOlderThan", "", FUTURE, 504),
    ("NotOlderThan", "9", "", 422),
    ("NotOlderThan", "9", "0", NEWEST),
    ("NotOlderThan", "9", OLD, NEWEST),
    ("Newest", "", OLD, 422),
    ("", "", "x", 400),
    ("", "", "-1", 400),
]


def test_lists_by_revision() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b")
        old = world.store.revision
        await make(world, "c")
        for match, limit, revision, answer in TABLE:
            real = {OLD: str(old), FUTURE: str(old + 1000)}.get(revision, revision)
            status, found = await listed(world, resourceVersionMatch=match, limit=limit, resourceVersion=real)
            case = (match, limit, revision, found)
            if isinstance(answer, int):
                assert status == answer and found["kind"] == "Status", case
                continue
            assert (status, names(found)) == (200, answer), case
            assert int(found["metadata"]["resourceVersion"]) == (old if answer == EXACT else world.store.revision), case

    in_world(test)


def test_a_future_revision_says_so_and_when_to_ask_again() -> None:
    async def test(world: World) -> None:
        await make(world, "a")
        for target in (f"{MAPS}?resourceVersion=99999", f"{MAPS}/a?resourceVersion=99999"):
            found = await world.answer("GET", target)
            status, error = await world.ask("GET", target)
            assert (status, error["reason"]) == (504, "Timeout")
            assert error["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
            assert dict(found.headers)["Retry-After"] == "1"
        for revision in ("", "0", "1", str(world.store.revision)):
            assert (await world.ask("GET", f"{MAPS}/a?resourceVersion={revision}"))[0] == 200
        assert (await world.ask("GET", f"{MAPS}/a?resourceVersion=x"))[0] == 400

    in_world(test)


def test_pages_show_one_revision_whatever_is_written_between() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b", "c", "d", "e")
        _, first = await listed(world, limit="2")
        assert names(first) == ["a", "b"] and first["metadata"]["remainingItemCount"] == 3
        await make(world, "aa", "cc", "zz")
        await world.client.delete("ConfigMap", "d", "default")
        token = first["metadata"]["continue"]
        _, second = await listed(world, limit="2", **{"continue": token})
        _, third = await listed(world, limit="2", resourceVersion="0", **{"continue": second["metadata"]["continue"]})
        assert names(second) + names(third) == ["c", "d", "e"]
        assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
            first["metadata"]["resourceVersion"]
        }
        assert "continue" not in third["metadata"] and "remainingItemCount" not in third["metadata"]
        status, error = await listed(world, limit="2", resourceVersion="7", **{"continue": token})
        assert status == 400 and "not allowed when using continue" in error["message"]
        status, _ = await listed(world, resourceVersionMatch="Exact", resourceVersion="7", **{"continue": token})
        assert status == 422

    in_world(test)


def test_after_compaction_a_fresh_token_gives_the_rest_as_it_is_now() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b", "c", "d", "e", "f")
        _, first = await listed(world, limit="2")
        await make(world, "cc")
        await world.client.delete("ConfigMap", "d", "default")
        await world.store.compact(world.store.revision)
        status, gone = await listed(world, limit="2", **{"continue": first["metadata"]["continue"]})
        assert (status, gone["reason"], gone["code"]) == (410, "Expired", 410)
        assert "inconsistent list" in gone["message"]
        token = gone["metadata"]["continue"]
        rest: list[str] = []
        while token:
            status, page = await listed(world, limit="2", **{"continue": token})
            assert status == 200
            rest += names(page)
            token = page["metadata"].get("continue", "")
            assert int(page["metadata"]["resourceVersion"]) == world.store.revision
        assert rest == ["c", "cc", "e", "f"]

    in_world(test)


def test_tokens_that_nobody_gave() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b")

        def token(text: str) -> str:
            return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

        own = '{"v":"meta.k8s.io/v1","rv":%s,"start":"%s"}'
        for bad in (
            "%%%",
            token("{}"),
            token("[]"),
            token(own % ("-2", "/core/configmaps/default/a")),
            token(own % ("0", "/core/configmaps/default/a")),
            token(own % ("5", "/core/secrets/default/a")),
            token(own % ("5", "/core/configmaps/kube-system/a")),
            token(own % ('"5"', "/core/configmaps/default/a")),
            token("[" * 3000),
        ):
            status, error = await listed(world, limit="1", **{"continue": bad})
            assert status == 400 and "continue" in error["message"], bad

    in_world(test)


def test_watch_list_options() -> None:
    """sendInitialEvents wants resourceVersionMatch=NotOlderThan; without it there is no match."""

    async def test(world: World) -> None:
        for send, match, marks in itertools.product(("", "true", "false"), ("", "NotOlderThan", "Exact"), ("", "true")):
            query = f"sendInitialEvents={send}" if send else ""
            query += f"&resourceVersionMatch={match}&allowWatchBookmarks={marks}&watch=true"
            wanted = bool(send) and match == "NotOlderThan"
            status = (await world.answer("GET", f"{MAPS}?{query}")).status
            assert status == (200 if wanted or not (send or match) else 422), query

    in_world(test)


def test_a_watch_list_ends_its_beginning_with_a_marked_bookmark() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b")
        query = "watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        revisions = ("", "0", str(world.store.revision - 1))
        targets = [f"{MAPS}?{query}&allowWatchBookmarks=true&resourceVersion={revision}" for revision in revisions]
        for frames in await asyncio.gather(*(world.watch(target) for target in targets)):
            assert [frame["type"] for frame in frames[:3]] == ["ADDED", "ADDED", "BOOKMARK"]
            metadata = frames[2]["object"]["metadata"]
            assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
            assert int(metadata["resourceVersion"]) == world.store.revision
        (*_, last) = await world.watch(f"{MAPS}?{query}")
        assert last["type"] == "ADDED"  # without bookmarks nothing marks the end
        future = await world.answer(
            "GET", f"{MAPS}?{query}&allowWatchBookmarks=true&resourceVersion={world.store.revision + 100}"
        )
        assert future.status == 504

    in_world(test)


def test_the_deprecated_paths_of_watches() -> None:
    async def test(world: World) -> None:
        await make(world, "a", "b")
        root = "/api/v1/watch"
        for path, seen in (
            (f"{root}/configmaps", ["a", "b"]),
            (f"{root}/namespaces/default/configmaps", ["a", "b"]),
            (f"{root}/namespaces/default/configmaps/b", ["b"]),
            (f"{root}/namespaces/other/configmaps", []),
        ):
            watching = await world.answer("GET", path)
            assert isinstance(watching, Streaming), path
            writer = Written()
            running = asyncio.ensure_future(watching.produce(writer))
            for _ in range(5):
                await asyncio.sleep(0)
            running.cancel()
            found = [orjson.loads(line)["object"]["metadata"]["name"] for line in writer.data.splitlines()]
            assert found == seen, path
        assert isinstance(await world.answer("GET", "/apis/apps/v1/watch/deployments"), Streaming)
        assert (await world.ask("POST", f"{root}/namespaces/default/configmaps", {}))[0] == 405
        for path in (f"{root}", f"{root}/nothing", f"{root}/namespaces/default/pods/x/status"):
            assert (await world.ask("GET", path))[0] == 404, path

    in_world(test)
