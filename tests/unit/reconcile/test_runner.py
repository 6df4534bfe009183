"""The frame under an adversarial API: late watches, lost answers, crashes between any two writes."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import owner_reference
from podo.client.cache import Cache
from podo.lab.virtualtime import run
from podo.reconcile.actions import Action, CheckAgain, Create, Delete, SetStatus, Tell
from podo.reconcile.declare import Key, View, controller
from podo.reconcile.runner import Runner
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from tests.unit.reconcile.fakeapi import FakeApi, lost


@controller(reconciles="ReplicaSet", owns=("Pod",), name="replicas")
def replicas(key: Key, view: View) -> Iterator[Action]:
    rs = view.get("ReplicaSet", key.name, key.namespace)
    if rs is None:
        return
    pods = view.owned_by(rs, "Pod")
    missing = rs["spec"]["replicas"] - len(pods)
    for _, name in zip(range(missing), view.names(f"{key.name}-", ()), strict=False):
        reference = owner_reference(rs)
        metadata = {"name": name, "namespace": key.namespace, "ownerReferences": [reference]}
        yield Create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        yield Tell(rs, "SuccessfulCreate", f"Created pod: {name}")
    for pod in pods[rs["spec"]["replicas"] :]:
        yield Delete(pod)
    yield SetStatus(rs, {"replicas": len(pods)})


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def tell(self, obj: Obj, reason: str, message: str, type: str = "Normal", **_: Any) -> None:
        self.events.append((reason, message))


class Process:
    """One life of a controller process: its own cache and runner on a shared API."""

    def __init__(self, api: FakeApi, declaration: Any = replicas) -> None:
        clock, chance = LoopClock(1000.0, asyncio.get_running_loop()), Chance(1)
        self.told = Told()
        self.bugs: list[object] = []
        self.cache = Cache(api, [], clock=clock, chance=chance, checked=True)  # type: ignore[arg-type]
        self.runner = Runner(
            [declaration],
            api,
            self.cache,
            clock,
            chance,
            self.told,
            on_bug=lambda *bug: self.bugs.append(bug),  # type: ignore[arg-type]
        )

    async def __aenter__(self) -> Process:
        await self.cache.start()
        await self.runner.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.stop()
        await self.cache.stop()
        self.cache.check()


def a_replicaset(count: int) -> Obj:
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": count}}


def pods_of(api: FakeApi) -> list[str]:
    return sorted(name for kind, _, name in api.objects if kind == "Pod")


def creates(api: FakeApi) -> int:
    return sum(verb == "create" and kind == "Pod" for verb, kind, _ in api.writes)


def test_50_replicas_are_50_creates_under_a_watch_lag_of_5_seconds() -> None:
    async def main() -> None:
        api = FakeApi(lag=5.0)
        await api.create(a_replicaset(50))
        async with Process(api) as process:
            for _ in range(60):
                await asyncio.sleep(1)
                assert len(pods_of(api)) <= 50
            assert process.runner.idle()
            assert api.objects["ReplicaSet", "default", "web"]["status"] == {"replicas": 50}
            assert len(process.told.events) == 50
            assert not process.bugs
        assert creates(api) == 50
        assert len(api.requests) == 1 + 50 + 2, "one request a pod, one for the status before and after"

    run(main())


@settings(max_examples=40, deadline=None)
@given(
    lag=st.sampled_from([0.0, 0.5, 5.0]),
    crashes=st.lists(st.integers(0, 25), max_size=4),
    losses=st.sets(st.integers(0, 40), max_size=6),
    lose_after=st.booleans(),
)
def test_never_one_too_many_whatever_crashes_or_is_lost(
    lag: float, crashes: list[int], losses: set[int], lose_after: bool
) -> None:
    async def main() -> None:
        api = FakeApi(lag)
        await api.create(a_replicaset(10))
        count = 0

        def sometimes(verb: str, kind: str, name: str) -> None:
            nonlocal count
            count += 1
            if count in losses:
                lost(verb, kind, name)

        if lose_after:
            api.after = sometimes  # type: ignore[assignment]
        else:
            api.before = sometimes  # type: ignore[assignment]
        for writes in crashes:  # a life that ends after so many writes
            already = len(api.writes)
            async with Process(api):
                for _ in range(2000):
                    if len(api.writes) - already >= writes:
                        break
                    await asyncio.sleep(0.0005)
                assert len(pods_of(api)) <= 10
        async with Process(api) as process:
            await asyncio.sleep(120)
            assert not process.bugs
        assert len(pods_of(api)) == 10
        assert creates(api) == 10

    run(main())


def test_a_deleted_pod_is_replaced_once_and_under_another_name() -> None:
    async def main() -> None:
        api = FakeApi(lag=1.0)
        await api.create(a_replicaset(3))
        async with Process(api) as process:
            await asyncio.sleep(10)
            before = pods_of(api)
            await api.delete("Pod", before[1], "default")
            await asyncio.sleep(10)
            await process.runner.settled()
        after = pods_of(api)
        assert len(after) == 3
        assert before[1] not in after
        assert creates(api) == 4

    run(main())


def test_scaling_down_deletes_each_once() -> None:
    async def main() -> None:
        api = FakeApi(lag=3.0)
        await api.create(a_replicaset(20))
        async with Process(api):
            await asyncio.sleep(20)
            rs = await api.get("ReplicaSet", "web", "default")
            rs["spec"]["replicas"] = 5
            await api.update(rs)
            await asyncio.sleep(30)
        assert len(pods_of(api)) == 5
        assert sum(verb == "delete" for verb, _, _ in api.requests) == 15

    run(main())


def test_a_refusal_is_said_and_not_hurried() -> None:
    said: list[Exception] = []

    @controller(reconciles="ReplicaSet", owns=("Pod",), name="refused")
    def refused(key: Key, view: View) -> Iterator[Action]:
        rs = view.get("ReplicaSet", key.name, key.namespace)
        if rs is None:
            return

        def on_refusal(error: Exception) -> Iterator[Action]:
            said.append(error)
            yield Tell(rs, "FailedCreate", f"Error creating: {error}", "Warning")
            yield SetStatus(rs, {"replicas": 0, "failed": True})

        metadata = {"name": "pod", "namespace": key.namespace}
        yield Create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}, on_refusal)
        yield Tell(rs, "SuccessfulCreate", "Created pod: pod")

    async def main() -> None:
        api = FakeApi()
        await api.create(a_replicaset(1))

        def forbid(verb: str, kind: str, name: str) -> None:
            if verb == "create" and kind == "Pod":
                raise ApiError("Forbidden", "exceeded quota")

        api.before = forbid  # type: ignore[assignment]
        async with Process(api, refused) as process:
            await asyncio.sleep(60)
            assert 1 <= len(said) < 70
            assert {reason for reason, _ in process.told.events} == {"FailedCreate"}
            assert api.objects["ReplicaSet", "default", "web"]["status"]["failed"]
            api.before = lambda *_: None
            await asyncio.sleep(1100)
            assert "SuccessfulCreate" in {reason for reason, _ in process.told.events}

    run(main())


def test_a_bug_concerns_only_its_key_and_is_tried_again() -> None:
    calls: list[str] = []

    @controller(reconciles="ReplicaSet", name="buggy")
    def buggy(key: Key, view: View) -> Iterator[Action]:
        calls.append(key.name)
        if key.name == "bad":
            raise ValueError("bug")
        yield CheckAgain(30)

    async def main() -> None:
        api = FakeApi()
        for name in ("bad", "good"):
            rs = a_replicaset(1)
            rs["metadata"]["name"] = name
            await api.create(rs)
        async with Process(api, buggy) as process:
            await asyncio.sleep(95)
            assert calls.count("good") == 4
            assert 10 < calls.count("bad") < 20
            assert {bug[1].name for bug in process.bugs} == {"bad"}  # type: ignore[index]

    run(main())


def test_a_reader_that_changes_the_cache_is_found() -> None:
    @controller(reconciles="ReplicaSet", name="rude")
    def rude(key: Key, view: View) -> Iterator[Action]:
        rs = view.get("ReplicaSet", key.name, key.namespace)
        assert rs is not None
        rs["spec"]["replicas"] = 0
        return iter(())

    async def main() -> None:
        api = FakeApi()
        await api.create(copy.deepcopy(a_replicaset(1)))
        async with Process(api, rude):
            await asyncio.sleep(1)

    with pytest.raises(AssertionError, match="changed in the cache"):
        run(main())
