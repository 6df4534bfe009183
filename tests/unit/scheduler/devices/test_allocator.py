"""Which devices claims get: the same as an oracle that tries every way, and single rules one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.scheduler.devices.allocation import allocation_of
from podo.scheduler.devices.allocator import Search, TookTooLong
from podo.scheduler.devices.asking import CannotAllocate, read
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import matches
from podo.scheduler.devices.pools import assembled
from tests.unit.scheduler.devices import oracle
from tests.unit.scheduler.devices.offers import (
    DRIVER,
    NODE,
    allocated,
    alternative,
    claim,
    device,
    device_class,
    exactly,
    having,
    names,
    piece,
)

_SIZE = st.sampled_from((None, "1Gi", "2Gi", "3Gi"))


@st.composite
def _devices(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        attributes: dict[str, Any] = {"kind": draw(st.sampled_from(("a", "b")))}
        if draw(st.booleans()):
            attributes["root"] = draw(st.integers(1, 2))
        more: dict[str, Any] = {}
        if draw(st.booleans()):
            more["consumesCounters"] = [
                {"counterSet": "set", "counters": {"memory": {"value": draw(st.sampled_from(("1Gi", "2Gi")))}}}
            ]
        if draw(st.integers(0, 3)) == 0:
            more["taints"] = [{"key": "broken", "effect": draw(st.sampled_from(("NoSchedule", "None")))}]
        if draw(st.integers(0, 3)) == 0:
            more["allowMultipleAllocations"] = True
        found.append(device(f"d{number}", {"memory": "4Gi"}, attributes=attributes, **more))
    return found


@st.composite
def _asked(draw: st.DrawFn) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if draw(st.integers(0, 4)) == 0:
        more["allocationMode"] = "All"
    else:
        more["count"] = draw(st.integers(1, 2))
    if (size := draw(_SIZE)) is not None:
        more["capacity"] = {"requests": {"memory": size}}
    if draw(st.booleans()):
        more["tolerations"] = [{"key": "broken", "operator": "Exists"}]
    if draw(st.integers(0, 4)) == 0:
        more["adminAccess"] = True
        more |= {"count": 1} if "count" in more else {}
    kind = draw(st.sampled_from((None, "a", "b")))
    return alternative("", *(() if kind is None else (f'device.attributes["{DRIVER}"].kind == "{kind}"',)), **more)


@st.composite
def _claim(draw: st.DrawFn, name: str) -> dict[str, Any]:
    requests: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            requests.append({"name": f"r{number}", "exactly": draw(_asked())})
        else:
            choices = [{**draw(_asked()), "name": f"s{index}"} for index in range(2)]
            for choice in choices:
                choice.pop("adminAccess", None)
            requests.append({"name": f"r{number}", "firstAvailable": choices})
    constraints = []
    if draw(st.booleans()):
        field = draw(st.sampled_from(("matchAttribute", "distinctAttribute")))
        constraints.append({field: f"{DRIVER}/root"})
    return claim(name, *requests, constraints=constraints)


@settings(max_examples=100, deadline=None)
@given(_devices(), st.data())
def test_finds_devices_where_and_only_where_there_are_some(offered: list[dict[str, Any]], data: st.DataObject) -> None:
    counters = [{"name": "set", "counters": {"memory": {"value": "3Gi"}}}]
    ledger = having(piece("s", *offered, sharedCounters=counters), device_class())
    if data.draw(st.booleans()):
        ledger.usage.take((DRIVER, "pool", "d0"), {})
    claims = [data.draw(_claim(f"c{number}")) for number in range(data.draw(st.integers(1, 2)))]
    asks = [read(each, ledger.classes) for each in claims]
    found = allocated(ledger, *claims)
    assert (found is not None) == oracle.possible(ledger, asks)
    if found is not None:
        way = [
            [
                next(
                    (ask, tuple(one.device for one in chosen if one.ask is ask))
                    for ask in alternatives
                    if any(one.ask.name == ask.name for one in chosen)
                )
                for alternatives in ask_.requests
            ]
            for ask_, chosen in zip(asks, _same_asks(found, asks), strict=True)
        ]
        assert oracle.valid(ledger, asks, way)


def _same_asks(found: Any, asks: Any) -> Any:
    """The chosen devices with the asks of this reading of the claims."""
    from dataclasses import replace

    known = [{ask.name: ask for alternatives in each.requests for ask in alternatives} for each in asks]
    return [
        [replace(one, ask=by_name[one.ask.name]) for one in each] for each, by_name in zip(found, known, strict=True)
    ]


def test_takes_the_first_devices_and_the_first_alternative_that_fit() -> None:
    ledger = having(piece("s", device("d0"), device("d1", attributes={"big": True})), device_class())
    big = f'has(device.attributes["{DRIVER}"].big) && device.attributes["{DRIVER}"].big'
    wanted = {"name": "r", "firstAvailable": [alternative("big", big, count=2), alternative("small", big)]}
    assert names(allocated(ledger, claim("c", exactly("any"), wanted))) == [["any=d0", "r/small=d1"]]
    assert names(allocated(ledger, claim("c", exactly("any", count=2), wanted))) is None


def test_takes_a_choice_back_that_leaves_nothing_for_the_next() -> None:
    ledger = having(piece("s", device("d0", attributes={"big": True}), device("d1")), device_class())
    big = f'has(device.attributes["{DRIVER}"].big)'
    assert names(allocated(ledger, claim("c", exactly("any"), exactly("big", big)))) == [["any=d1", "big=d0"]]


def test_only_the_newest_generation_counts_and_only_when_it_is_whole() -> None:
    old = piece("old", device("d-old"))
    new = piece("new", device("d-new"), pool={"generation": 2, "resourceSliceCount": 2})
    ledger = having(old, new, device_class())
    assert allocated(ledger, claim("c", exactly())) is None
    with pytest.raises(CannotAllocate, match=r"resource pool gpu\.example\.com/pool is currently being updated"):
        allocated(ledger, claim("c", exactly(allocationMode="All")))
    ledger.set(
        "ResourceSlice", "more", piece("more", device("d-more"), pool={"generation": 2, "resourceSliceCount": 2})
    )
    assert names(allocated(ledger, claim("c", exactly(count=2)))) == [["r=d-more", "r=d-new"]]
    ledger.set("ResourceSlice", "more", piece("more", device("d-new"), pool={"generation": 2, "resourceSliceCount": 2}))
    assert allocated(ledger, claim("c", exactly())) is None, "two devices of one name"


def test_where_devices_are() -> None:
    near = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}
    far = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}]}
    ledger = having(
        piece("far", device("far"), pool={"name": "far"}, nodeSelector=far),
        piece("near", device("near"), pool={"name": "near"}, nodeSelector=near),
        piece("other", device("other"), pool={"name": "other"}, nodeName="n2"),
        piece(
            "mixed",
            device("m-all", allNodes=True),
            device("m-n2", nodeName="n2"),
            pool={"name": "mixed"},
            perDeviceNodeSelection=True,
        ),
        device_class(),
    )
    found = allocated(ledger, claim("c", exactly(allocationMode="All")))
    assert names(found) == [["r=m-all", "r=near"]]
    assert found is not None
    made = allocation_of(claim("c"), found[0], ledger.classes, "n1", lambda: "id")
    assert made["nodeSelector"] == near


def test_what_an_allocation_says() -> None:
    opaque = {"opaque": {"driver": DRIVER, "parameters": {"mode": "fast"}}}
    shared = device(
        "d0", {"memory": {"value": "10Gi", "requestPolicy": {"default": "1Gi"}}}, allowMultipleAllocations=True
    )
    ledger = having(piece("s", shared), device_class(config=[opaque]))
    wanted = claim("c", exactly(tolerations=[{"operator": "Exists"}]), config=[{"requests": ["r"], **opaque}])
    found = allocated(ledger, wanted)
    assert found is not None
    made = allocation_of(wanted, found[0], ledger.classes, "n1", lambda: "an-id")
    result = {"request": "r", "driver": DRIVER, "pool": "pool", "device": "d0", "tolerations": [{"operator": "Exists"}]}
    assert made["devices"]["results"] == [{**result, "shareID": "an-id", "consumedCapacity": {"memory": "1Gi"}}]
    assert made["devices"]["config"] == [
        {"source": "FromClass", "requests": ["r"], **opaque},
        {"source": "FromClaim", "requests": ["r"], **opaque},
    ]
    on = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    assert made["nodeSelector"] == {"nodeSelectorTerms": [{"matchFields": [on]}]}


def test_consumable_capacity_is_rounded_by_the_policy_and_summed() -> None:
    policy = {"validRange": {"min": "2Gi", "step": "2Gi", "max": "8Gi"}}
    ledger = having(
        piece("s", device("d", {"memory": {"value": "10Gi", "requestPolicy": policy}}, allowMultipleAllocations=True)),
        device_class(),
    )

    def asks(name: str, size: str) -> dict[str, Any]:
        return claim(name, exactly(capacity={"requests": {"memory": size}}))

    found = allocated(ledger, asks("one", "3Gi"), asks("two", "1Gi"))
    assert found is not None
    assert [each[0].consumed["memory"] // 10**9 >> 30 for each in found] == [4, 2]
    assert allocated(ledger, asks("one", "7Gi"), asks("two", "3Gi")) is None, "8 and 4 of 10"
    assert allocated(ledger, asks("one", "9Gi")) is None, "more than the policy allows"


def test_taints_of_slices_and_rules() -> None:
    rule = {
        "kind": "DeviceTaintRule",
        "metadata": {"name": "rule"},
        "spec": {"deviceSelector": {"pool": "pool", "device": "d1"}, "taint": {"key": "k", "effect": "NoExecute"}},
    }
    tainted = device("d0", taints=[{"key": "own", "value": "x", "effect": "NoSchedule"}])
    ledger = having(piece("s", tainted, device("d1"), device("d2")), device_class(), rule)
    assert names(allocated(ledger, claim("c", exactly()))) == [["r=d2"]]
    tolerant = exactly(tolerations=[{"key": "own", "operator": "Equal", "value": "x"}], count=2)
    assert names(allocated(ledger, claim("c", tolerant))) == [["r=d0", "r=d2"]]
    ledger.set("DeviceTaintRule", "rule", None)
    assert names(allocated(ledger, claim("c", exactly()))) == [["r=d1"]]


def test_an_administrator_may_look_at_devices_in_use() -> None:
    ledger = having(piece("s", device("d0")), device_class())
    ledger.usage.take((DRIVER, "pool", "d0"), {})
    assert allocated(ledger, claim("c", exactly())) is None
    assert names(allocated(ledger, claim("c", exactly(adminAccess=True)))) == [["r=d0"]]


def test_promises_and_allocations_take_devices_until_they_are_freed() -> None:
    first = claim("first", exactly())
    ledger = having(piece("s", device("d0")), device_class(), first)
    found = allocated(ledger, first)
    assert found is not None
    key, made = ("default", "first"), allocation_of(first, found[0], ledger.classes, "n1", lambda: "id")
    ledger.promise(key, made)
    assert allocated(ledger, claim("second", exactly())) is None
    assert not ledger.set_claim(key, {**first, "status": {"allocation": made}}), "the API says what was promised"
    assert allocated(ledger, claim("second", exactly())) is None
    assert ledger.set_claim(key, first), "devices became free"
    assert allocated(ledger, claim("second", exactly())) is not None


def test_what_was_written_is_counted_until_it_is_seen() -> None:
    first = claim("first", exactly())
    first["metadata"]["resourceVersion"] = "5"
    ledger = having(piece("s", device("d0")), device_class(), first)
    key, made = ("default", "first"), {"devices": {"results": [RESULT]}}
    ledger.promise(key, made)
    ledger.wrote(key, 7)
    ledger.forget(key)
    assert allocated(ledger, claim("second", exactly())) is None, "written, but not seen yet"
    older = {**first, "metadata": {**first["metadata"], "resourceVersion": "6"}}
    ledger.set_claim(key, older)
    assert allocated(ledger, claim("second", exactly())) is None
    ledger.set_claim(key, {**older, "metadata": {**first["metadata"], "resourceVersion": "9"}})
    assert allocated(ledger, claim("second", exactly())) is not None, "written, and freed since"


RESULT = {"request": "r", "driver": DRIVER, "pool": "pool", "device": "d0"}


def test_problems_of_selectors_and_classes_are_told() -> None:
    ledger = having(piece("s", device("d0")), device_class())
    with pytest.raises(CannotAllocate, match=r"claim default/c: selector #1: CEL runtime error: no such key: speed"):
        allocated(ledger, claim("c", exactly("r", f'device.attributes["{DRIVER}"].speed > 1')))
    with pytest.raises(CannotAllocate, match="request r: device class fpga does not exist"):
        allocated(ledger, claim("c", exactly(deviceClassName="fpga")))
    assert allocated(ledger, claim("c", exactly("r", 'device.attributes["nobody"].?speed.orValue(0) > 1'))) is None


def test_a_search_without_end_gives_up() -> None:
    offered = [device(f"d{number}", attributes={"root": number}) for number in range(24)]
    ledger: Devices = having(piece("s", *offered), device_class())
    asked = claim("c", exactly(count=12), constraints=[{"matchAttribute": f"{DRIVER}/half"}])
    assert allocated(ledger, asked) is None
    hard = claim("c", *(exactly(f"r{n}", count=3) for n in range(6)), exactly("last", 'device.driver == "none"'))
    with pytest.raises(TookTooLong, match="timed out trying to allocate devices"):
        allocated(ledger, hard)


def test_a_device_of_a_name_without_domain_is_the_drivers() -> None:
    pool = assembled((DRIVER, "pool"), [piece("s", device("d", attributes={"model": "a", "other.com/model": "b"}))])
    assert pool.devices[0].attribute(f"{DRIVER}/model") == ("string", "a")
    assert pool.devices[0].attribute("other.com/model") == ("string", "b")
    assert pool.devices[0].attribute("third.com/model") is None
    offer = having(piece("s", device("d", attributes={"other.com/model": "b"})), device_class()).offer(
        "n1", NODE.labels
    )
    chosen = Search(
        [read(claim("c", exactly("r", 'device.attributes["other.com"].model == "b"')), {"gpu": device_class()})],
        offer,
        matches,
        lambda device, ask: True,
    ).run()
    assert names(chosen) == [["r=d"]]


def test_no_claim_asks_for_more_devices_than_it_may_have() -> None:
    ways = [alternative("x", count=30), alternative("y", count=13)]
    many = claim("c", exactly("a", count=20), {"name": "b", "firstAvailable": ways})
    words = "claim default/c: number of requested devices 33 exceeds the claim limit of 32"
    with pytest.raises(CannotAllocate, match=words):
        read(many, {"gpu": device_class()})
