"""What changing a pod costs the server: create, update, the patches, apply; and what of it is managedFields."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson

from bench.cluster import running
from bench.figure import Figure
from bench.floors import floor
from bench.pod import NAME, encoded
from bench.requests import PODS, POST_TARGET, Side, compare, posts
from bench.wire import connect, fetch, patch, post, put

AT_ONCE, COUNT = 16, 1600
#: Objects that are changed in turn.
OBJECTS = 200
UPDATE_TARGET, PATCH_TARGET = 300.0, 600.0
STRATEGIC, MERGE, APPLY = (
    f"application/{form}" for form in ("strategic-merge-patch+json", "merge-patch+json", "apply-patch+yaml")
)

#: A request that changes an object, by the object's number and a text that no other has.
Change = Callable[[int, str], bytes]


def measure() -> Iterator[Figure]:
    with running("simulated") as cluster, floor(cluster) as least:
        ours = Side(cluster.pids()["server"], cluster.port, cluster.tls())
        bare = Side(least.pid, least.port, ours.tls)
        asyncio.run(ours.call(AT_ONCE, iter([post(PODS, encoded(one)) for one in range(OBJECTS)]), 201))
        objects = asyncio.run(_objects(ours))
        number = itertools.count(OBJECTS)
        create = partial(ours.run, AT_ONCE, partial(posts, PODS, number, COUNT), 201)
        yield compare("CPU, create of a pod", POST_TARGET, "", create, None, bare)
        turn = itertools.count(1)
        with_fields = _measured("update of a pod", UPDATE_TARGET, partial(_updated, objects), turn, ours, bare)
        yield with_fields
        yield _measured("strategic patch of a pod", PATCH_TARGET, partial(_patched, STRATEGIC), turn, ours, bare)
        yield _measured("merge patch of a pod", PATCH_TARGET, partial(_patched, MERGE), turn, ours, bare)
        yield _measured("apply to a pod", PATCH_TARGET, _applied, turn, ours, bare)
        unowned = [{**obj, "metadata": {**obj["metadata"], "managedFields": [{}]}} for obj in objects]
        without = _measured("update without managedFields", None, partial(_updated, unowned), turn, ours, bare)
        yield without
        cost = (with_fields.normal or 0) - (without.normal or 0)
        yield Figure("managedFields' part of an update", cost, "us", note="at the reference machine's speed")


def _measured(name: str, target: float | None, change: Change, turn: Iterator[int], ours: Side, bare: Side) -> Figure:
    """``COUNT`` changes, over the objects in turn; none is without effect."""

    def requests() -> Iterator[bytes]:
        mark = f"t{next(turn)}"
        return iter([change(one % OBJECTS, f"{mark}-{one}") for one in range(COUNT)])

    return compare(f"CPU, {name}", target, "", partial(ours.run, AT_ONCE, requests, 200), None, bare)


async def _objects(ours: Side) -> list[dict[str, Any]]:
    """As they are stored, without a version: an update of any."""
    connection = await connect(ours.port, ours.tls)
    found = [orjson.loads(await fetch(connection, f"{PODS}/{NAME.format(one)}")) for one in range(OBJECTS)]
    connection.close()
    for obj in found:
        del obj["metadata"]["resourceVersion"]
        del obj["metadata"]["managedFields"]
    return found


def _path(number: int) -> str:
    return f"{PODS}/{NAME.format(number)}"


def _updated(objects: list[dict[str, Any]], number: int, mark: str) -> bytes:
    obj = objects[number]
    metadata = {**obj["metadata"], "labels": {**obj["metadata"]["labels"], "turn": mark}}
    return put(_path(number), orjson.dumps({**obj, "metadata": metadata}))


def _patched(form: str, number: int, mark: str) -> bytes:
    return patch(_path(number), orjson.dumps({"metadata": {"labels": {"turn": mark}}}), form)


def _applied(number: int, mark: str) -> bytes:
    metadata = {"name": NAME.format(number), "labels": {"turn": mark}}
    body = orjson.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    return patch(f"{_path(number)}?fieldManager=bench&force=true", body, APPLY)
