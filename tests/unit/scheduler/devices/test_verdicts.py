"""What is said of nodes together is what would be said of each alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from podo.scheduler.devices.asking import read, signature
from podo.scheduler.devices.reach import ALONE, Reach
from podo.scheduler.devices.verdicts import choose
from podo.scheduler.snapshot import NodeInfo, Snapshot
from tests.unit.scheduler.clusters import node, snapshot
from tests.unit.scheduler.devices.offers import DRIVER, claim, device, device_class, exactly, piece


def within(*zones: str) -> dict[str, Any]:
    expression = {"key": "zone", "operator": "In", "values": list(zones)}
    return {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}


def a_node(name: str, r: random.Random) -> NodeInfo:
    return node(name, labels={"zone": r.choice("abc")})


def a_slice(r: random.Random, name: str) -> dict[str, Any]:
    several = [device(f"d{number}", attributes={"size": r.randint(1, 2)}) for number in range(r.randint(1, 3))]
    places: list[dict[str, Any]] = [
        {"allNodes": True},
        {"nodeSelector": within(*r.sample("abc", 2))},
        {"nodeName": r.choice(["n0", "n1"])},
        {"perDeviceNodeSelection": True},
    ]
    where = r.choice(places)
    if "perDeviceNodeSelection" in where:
        each: list[dict[str, Any]] = [{"allNodes": True}, {"nodeName": "n2"}, {"nodeSelector": within(r.choice("abc"))}]
        several = [{**one, **r.choice(each)} for one in several]
    return piece(name, *several, pool={"name": name}, **where)


@pytest.mark.parametrize("seed", range(40))
def test_nodes_alike_are_judged_together(seed: int) -> None:
    """Devices are taken and freed, nodes and slices come, change and go."""
    r = random.Random(seed)
    cluster = snapshot(*(a_node(f"n{number}", r) for number in range(8)))
    cluster.devices.set("DeviceClass", "gpu", device_class())
    for number in range(r.randint(0, 3)):
        cluster.devices.set("ResourceSlice", f"s{number}", a_slice(r, f"s{number}"))
    size = f'device.attributes["{DRIVER}"].size == 2'
    asked = [claim("one", exactly()), claim("two", exactly(count=2)), claim("large", exactly("r", size))]
    for _ in range(12):
        something_happens(r, cluster)
        for each in asked:
            asks = [read(each, cluster.devices.classes)]
            verdict = cluster.verdicts.of(signature(each), asks)
            expected = {name: choose(cluster.devices, asks, cluster.node(row)) for name, row in cluster.row_of.items()}
            found = {name: bool(verdict.fits[row]) for name, row in cluster.row_of.items()}
            assert found == {name: chosen is not None for name, chosen in expected.items()}
            assert not verdict.problems.any()


def something_happens(r: random.Random, cluster: Snapshot) -> None:
    what, number = r.randrange(4), r.randrange(8)
    if what == 0:
        cluster.set_node(a_node(f"n{number}", r))
    elif what == 1:
        cluster.remove_node(f"n{number}")
    elif what == 2:
        name = f"s{number % 4}"
        cluster.devices.set("ResourceSlice", name, a_slice(r, name) if r.random() < 0.7 else None)
    else:
        result = {"request": "r", "driver": DRIVER, "pool": f"s{number % 4}", "device": "d0"}
        key = ("default", f"user-{number}")
        if cluster.devices.allocation(key):
            cluster.devices.forget(key)
        else:
            cluster.devices.promise(key, {"devices": {"results": [result]}})


def test_groups() -> None:
    cluster = snapshot(*(node(f"n{number}", labels={"zone": "abbc"[number]}) for number in range(4)))
    reach = Reach(cluster.devices.pools, cluster)

    def groups() -> list[int]:
        return [int(reach.groups()[cluster.row_of[f"n{number}"]]) for number in range(4)]

    assert len(set(groups())) == 1
    cluster.devices.set("ResourceSlice", "near", piece("near", device("d"), nodeSelector=within("a", "b")))
    assert groups()[0] == groups()[1] == groups()[2] != groups()[3]
    cluster.devices.set("ResourceSlice", "own", piece("own", device("d"), pool={"name": "own"}))
    assert groups()[0] == groups()[2] != groups()[1] == ALONE
