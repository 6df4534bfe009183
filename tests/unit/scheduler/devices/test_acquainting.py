"""Devices are asked before a decision, in slices: a selector that works for long holds nobody up."""

from __future__ import annotations

import asyncio
from typing import Any

from podo.api.kind import Obj
from podo.scheduler.devices.acquainting import Acquaintance
from podo.scheduler.devices.asking import CannotAllocate
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import matches
from podo.scheduler.podinfo import PodInfo, read
from tests.unit.cel.turns import turns_until
from tests.unit.scheduler.devices.offers import claim, device, device_class, exactly, piece

NUMBERS = "[1, 2, 3, 4, 5]"
LONG = "".join(f"{NUMBERS}.all({name}, " for name in "abcd") + "a + b + c + d > 0))))"


def with_claim(*expressions: str) -> tuple[Devices, PodInfo]:
    devices = Devices()
    devices.set("ResourceSlice", "s", piece("s", *(device(f"d{number}") for number in range(20))))
    devices.set("DeviceClass", "gpu", device_class())
    devices.set_claim(("default", "c"), claim("c", exactly("r", *expressions)))
    pod: Obj = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {}}
    pod["spec"] = {"containers": [], "resourceClaims": [{"name": "c", "resourceClaimName": "c"}]}
    return devices, read(pod)


def said_of(devices: Devices) -> list[Any]:
    return [each.matched.get(LONG) for pool in devices.pools.all() for each in pool.devices]


def test_while_devices_are_asked_others_have_their_turn() -> None:
    async def test() -> None:
        devices, pod = with_claim(LONG, 'device.driver == "none"')
        asked = asyncio.ensure_future(Acquaintance(devices).prepare(pod))
        assert await turns_until(asked) > 2
        assert await asked and said_of(devices) == [True] * 20

    asyncio.run(test())


def test_they_are_asked_once_and_anew_when_others_have_come() -> None:
    async def test() -> None:
        devices, pod = with_claim('device.driver == "none"', LONG)
        acquaintance = Acquaintance(devices)
        assert await acquaintance.prepare(pod) and not await acquaintance.prepare(pod)
        assert said_of(devices) == [None] * 20  # what comes first has decided
        devices.set("ResourceSlice", "t", piece("t", device("more"), pool={"name": "other"}))
        assert await acquaintance.prepare(pod)

    asyncio.run(test())


def test_what_cannot_be_told_is_remembered_too() -> None:
    async def test() -> None:
        devices, pod = with_claim('device.attributes["x"].y')
        await Acquaintance(devices).prepare(pod)
        first = next(each for pool in devices.pools.all() for each in pool.devices)
        for where in ("a", "b"):
            try:
                matches(first, ('device.attributes["x"].y',), where)
            except CannotAllocate as problem:
                assert str(problem) == f"claim {where}: selector #0: CEL runtime error: no such key: y"
            else:
                raise AssertionError

    asyncio.run(test())
