"""What a node says of itself: its images, its pressures, and the Events of what changes."""

from __future__ import annotations

from typing import Any

from podo.node.config import NodeConfig
from podo.node.imagined import ImaginedMachine
from podo.node.machine import NodeFacts
from podo.node.nodeevents import changes_of, turns_of
from podo.node.nodestatus import images_of, status_of
from podo.node.runtimes.contract import Image, RuntimeInfo
from podo.runtime.clock import SystemClock

CONFIG = NodeConfig("n1", "10.0.0.1", simulated=True)


class Machine(ImaginedMachine):
    """Short of what it is told to be short of."""

    short: dict[str, str]

    def facts(self) -> NodeFacts:
        known = super().facts()
        return NodeFacts(known.capacity, {**known.system, "bootID": "b1"}, self.short)


def status(ready: bool = True, boot: str = "b1", **short: str) -> dict[str, Any]:
    machine = Machine(CONFIG, SystemClock())
    machine.short = short
    found = status_of(CONFIG, machine, RuntimeInfo("containerd", "1.6", network_ready=ready), {}, 0.0)
    found["nodeInfo"]["bootID"] = boot
    return found


def test_the_largest_images_are_listed_by_digest_and_name() -> None:
    images = [Image(f"sha256:{n}", [f"web:{n}", f"web@sha256:{n}"], n) for n in range(60)]
    listed = images_of(images)
    assert len(listed) == 50
    assert listed[0] == {"names": ["web@sha256:59", "web:59"], "sizeBytes": 59}
    many = Image("sha256:x", [f"web:{n}" for n in range(9)], 1)
    assert len(images_of([many])[0]["names"]) == 5


def test_conditions_under_pressure() -> None:
    found = status(MemoryPressure="kubelet has insufficient memory available", DiskPressure="kubelet has disk pressure")
    reasons = {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}
    assert reasons == {
        "MemoryPressure": ("True", "KubeletHasInsufficientMemory"),
        "DiskPressure": ("True", "KubeletHasDiskPressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID"),
        "Ready": ("True", "KubeletReady"),
    }


def test_a_node_that_starts_tells_what_it_has_room_for_and_later_what_changes() -> None:
    first, later = status(ready=False), status(DiskPressure="kubelet has disk pressure")
    assert [reason for reason, _, _ in changes_of("n1", {}, first)] == [
        "NodeHasSufficientMemory",
        "NodeHasNoDiskPressure",
        "NodeHasSufficientPID",
    ]
    assert list(changes_of("n1", first, later)) == [
        ("NodeHasDiskPressure", "Node n1 status is now: NodeHasDiskPressure", "Normal"),
        ("NodeReady", "Node n1 status is now: NodeReady", "Normal"),
    ]
    assert list(changes_of("n1", later, later)) == []
    assert [reason for reason, _, _ in changes_of("n1", status(), status(ready=False))] == ["NodeNotReady"]


def test_a_reboot_is_a_warning() -> None:
    told = ("Rebooted", "Node n1 has been rebooted, boot id: b2", "Warning")
    assert list(changes_of("n1", status(), status(boot="b2"))) == [told]


def test_a_cordoned_node_tells() -> None:
    closed = {"spec": {"unschedulable": True}}
    assert [reason for reason, _, _ in turns_of("n1", {"spec": {}}, closed)] == ["NodeNotSchedulable"]
    assert [reason for reason, _, _ in turns_of("n1", closed, {})] == ["NodeSchedulable"]
    assert list(turns_of("n1", closed, closed)) == []
