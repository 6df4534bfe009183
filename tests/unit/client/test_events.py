"""What the recorder writes, folds together, and drops."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Unreachable
from podo.client.events import EventRecorder
from podo.lab.virtualtime import run
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from tests.unit.reconcile.fakeapi import FakeApi

POD: Obj = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
}


def recorder_of(api: FakeApi, **options: Any) -> EventRecorder:
    clock = LoopClock(1_767_225_600.0, asyncio.get_running_loop())
    return EventRecorder(api, clock, Chance(1), component="kubelet", host="n1", **options)


def events_of(api: FakeApi) -> list[Obj]:
    return [obj for (kind, _, _), obj in api.objects.items() if kind == "Event"]


def test_an_event_has_upstreams_fields() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        recorder.tell(POD, "Started", "Started container web", field_path="spec.containers{web}")
        assert recorder.pending == 1
        await recorder.stop()
        (event,) = events_of(api)
        metadata = event.pop("metadata")
        assert metadata["name"] == f"web.{1_767_225_600 * 10**9:x}"
        assert metadata["namespace"] == "shop"
        assert event == {
            "apiVersion": "v1",
            "kind": "Event",
            "involvedObject": {
                "kind": "Pod",
                "namespace": "shop",
                "name": "web",
                "uid": "u1",
                "apiVersion": "v1",
                "resourceVersion": "7",
                "fieldPath": "spec.containers{web}",
            },
            "reason": "Started",
            "message": "Started container web",
            "source": {"component": "kubelet", "host": "n1"},
            "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:00Z",
            "count": 1,
            "type": "Normal",
            "eventTime": None,
            "reportingComponent": "kubelet",
            "reportingInstance": "n1",
        }

    run(main())


def test_an_event_on_a_cluster_scoped_object_is_in_default() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        recorder.tell({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}, "NodeReady", "ready")
        await recorder.stop()
        (event,) = events_of(api)
        assert event["metadata"]["namespace"] == "default"
        assert "namespace" not in event["involvedObject"]

    run(main())


def test_equal_events_are_counted_and_different_ones_keep_their_names_apart() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        for _ in range(5):
            recorder.tell(POD, "BackOff", "Back-off restarting", "Warning")
            await asyncio.sleep(10)
        recorder.tell(POD, "Pulled", "Pulled image")
        recorder.tell(POD, "Created", "Created container")
        await recorder.stop()
        events = {event["reason"]: event for event in events_of(api)}
        assert {reason: event["count"] for reason, event in events.items()} == {"BackOff": 5, "Pulled": 1, "Created": 1}
        assert events["BackOff"]["firstTimestamp"] == "2026-01-01T00:00:00Z"
        assert events["BackOff"]["lastTimestamp"] == "2026-01-01T00:00:40Z"

    run(main())


def test_many_similar_events_are_combined_and_a_flood_is_cut_short() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        for number in range(100):
            recorder.tell(POD, "SuccessfulCreate", f"Created pod: web-{number}")
        await recorder.stop()
        events = events_of(api)
        combined = [event for event in events if event["message"].startswith("(combined from similar events): ")]
        assert len(combined) == 1
        assert len(events) == 10
        assert sum(event["count"] for event in events) == 25  # the burst

    run(main())


def test_writes_are_tried_again_and_refused_ones_are_not() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        tries = 0

        def flaky(verb: str, kind: str, name: str) -> None:
            nonlocal tries
            tries += 1
            if tries <= 2:
                raise Unreachable("down")

        api.before = flaky
        recorder.tell(POD, "Started", "Started container web")
        await asyncio.sleep(60)
        assert tries == 3
        assert len(events_of(api)) == 1

        def refuse(verb: str, kind: str, name: str) -> None:
            nonlocal tries
            tries += 1
            raise ApiError("Forbidden", "the namespace is being terminated")

        api.before = refuse
        recorder.tell(POD, "Killing", "Stopping container web")
        await asyncio.sleep(60)
        assert tries == 4
        assert recorder.pending == 0
        await recorder.stop()

    run(main())


def test_an_expired_event_is_begun_again() -> None:
    async def main() -> None:
        api = FakeApi()
        recorder = recorder_of(api)
        await recorder.start()
        recorder.tell(POD, "BackOff", "Back-off", "Warning")
        await asyncio.sleep(1)
        (event,) = events_of(api)
        await api.delete("Event", event["metadata"]["name"], "shop")
        recorder.tell(POD, "BackOff", "Back-off", "Warning")
        await recorder.stop()
        (event,) = events_of(api)
        assert event["count"] == 2

    run(main())
