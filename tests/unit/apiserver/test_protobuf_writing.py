"""Answers in protobuf: every built-in kind comes back as it went in, in objects, lists and watches."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from podo.api.kind import Kind
from podo.api.registry import all_kinds
from podo.apiserver import protobuf, protobuf_writing
from podo.http.message import Response, Streaming
from tests.unit.apiserver.examples import example
from tests.unit.apiserver.test_every_kind import collection
from tests.unit.apiserver.world import World, Written, in_world, pod, text_of

PROTOBUF = "application/vnd.kubernetes.protobuf"
PODS = "/api/v1/namespaces/default/pods"
#: Kinds whose types are not in k8s.io/api, so that Go clients do not ask for them in protobuf either.
OTHERS = {"CustomResourceDefinition", "APIService"}
KINDS = [kind for kind in all_kinds() if "create" in kind.verbs and kind.kind not in OTHERS]


def decoded(answer: Any) -> dict[str, Any]:
    assert isinstance(answer, Response) and answer.content_type == PROTOBUF
    return protobuf.decode(text_of(answer))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.qualified}-{kind.version}")
def test_an_object_comes_back_as_it_is_in_json(kind: Kind) -> None:
    async def test(world: World) -> None:
        target, given = collection(kind), example(kind)
        made = decoded(await world.answer("POST", target, given, accept=PROTOBUF))
        one = f"{target}/{given['metadata']['name']}"
        _, found = await world.ask("GET", one)
        read = decoded(await world.answer("GET", one, accept=f"{PROTOBUF},application/json"))
        assert without_nothing(read) == without_nothing(found) == without_nothing(made)

    in_world(test)


def without_nothing(value: Any) -> Any:
    """Protobuf does not tell an empty list, map or message from none, nor a zero from an absent number."""
    if isinstance(value, dict):
        inner = {key: without_nothing(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in ({}, [], None, "", 0, False)}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def test_lists() -> None:
    async def test(world: World) -> None:
        for name in ("a", "b", "c"):
            await world.client.create(pod(name))
        answer = await world.answer("GET", f"{PODS}?limit=2", accept=PROTOBUF)
        envelope = dict(fields(text_of(answer)[4:]))
        assert dict(fields(envelope[1])) == {1: b"v1", 2: b"PodList"}
        metadata, *items = [value for _, value in fields(envelope[2])]
        assert {2, 3, 4} <= dict(fields(metadata)).keys(), "revision, continue and how many are left"
        assert [name_in(item) for item in items] == [b"a", b"b"]
        metadata_only = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        answer = await world.answer("GET", PODS, accept=metadata_only)
        envelope = dict(fields(text_of(answer)[4:]))
        assert dict(fields(envelope[1]))[2] == b"PartialObjectMetadataList"
        items = [value for number, value in fields(envelope[2]) if number == 2]
        assert [name_in(item) for item in items] == [b"a", b"b", b"c"]
        assert all(list(dict(fields(item))) == [1] for item in items)

    in_world(test)


def fields(data: bytes) -> list[tuple[int, Any]]:
    return list(protobuf._items(data))


def name_in(item: bytes) -> bytes:
    name = dict(fields(dict(fields(item))[1]))[1]
    assert isinstance(name, bytes)
    return name


def test_a_watch_is_framed_by_lengths() -> None:
    async def test(world: World) -> None:
        start = (await world.client.create(pod("first")))["metadata"]["resourceVersion"]
        made = await world.client.create(pod("a"))
        await world.client.delete("Pod", "a", "default", grace_seconds=0)
        target = f"{PODS}?watch=1&resourceVersion={start}&timeoutSeconds=1&allowWatchBookmarks=true"
        answer = await world.answer("GET", target, accept=PROTOBUF)
        assert isinstance(answer, Streaming) and answer.content_type == f"{PROTOBUF};stream=watch"
        writer = Written()
        await answer.produce(writer)
        events = []
        data = writer.data
        while data:
            (size,) = struct.unpack(">I", data[:4])
            event = dict(fields(data[4 : 4 + size]))
            events.append((event[1], protobuf.decode(dict(fields(event[2]))[1])))
            data = data[4 + size :]
        assert [type for type, _ in events[:2]] == [b"ADDED", b"DELETED"]
        assert without_nothing(events[0][1]) == without_nothing(made)
        assert all(type == b"BOOKMARK" and obj["kind"] == "Pod" for type, obj in events[2:])

    in_world(test)


def test_an_error_of_a_watch_is_a_status() -> None:
    async def test(world: World) -> None:
        for number in range(3):
            await world.client.create(pod(f"p{number}"))
        await world.store.compact(world.store.revision)
        answer = await world.answer("GET", f"{PODS}?watch=1&resourceVersion=1", accept=PROTOBUF)
        writer = Written()
        assert isinstance(answer, Streaming)
        await answer.produce(writer)
        event = dict(fields(writer.data[4:]))
        status = protobuf.decode(dict(fields(event[2]))[1])
        assert (event[1], status["kind"], status["code"]) == (b"ERROR", "Status", 410)

    in_world(test)


def test_who_wants_nothing_else_is_told_where_there_is_none() -> None:
    async def test(world: World) -> None:
        for accept, expected in ((PROTOBUF, 406), (f"{PROTOBUF},application/json", 200)):
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            assert (await world.ask("GET", path, accept=accept))[0] == expected
            table = f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1" + accept.removeprefix(PROTOBUF)
            assert (await world.ask("GET", PODS, accept=table))[0] == expected
        status, answer = await world.ask("GET", f"{PODS}/none", accept=f"{PROTOBUF},application/json")
        assert (status, answer["reason"]) == (404, "NotFound")

    in_world(test)


def test_values_at_their_limits() -> None:
    spec = {
        "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 0}], "stdin": False}],
        "activeDeadlineSeconds": -1,
        "terminationGracePeriodSeconds": 2**62,
        "automountServiceAccountToken": False,
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    metadata = {"name": "n", "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": {"a": ""}}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    written = protobuf_writing.encode(obj)
    assert written is not None
    read = protobuf.decode(written)
    assert read["spec"]["activeDeadlineSeconds"] == -1
    assert read["spec"]["terminationGracePeriodSeconds"] == 2**62
    assert read["spec"]["automountServiceAccountToken"] is False and read["spec"]["volumes"] == spec["volumes"]
    assert read["metadata"] == metadata
