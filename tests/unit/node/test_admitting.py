"""Which pods a node refuses, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.node.admitting import Rejection, amounts_of, contends, forbids, lacks
from podo.node.machine import Capacity

CAPACITY = Capacity(2, 4 << 30, 100 << 30, 3)
NODE = {
    "metadata": {"name": "n1", "labels": {"disk": "ssd"}},
    "spec": {"taints": [{"key": "a", "effect": "NoExecute"}]},
}
TOLERATION = {"key": "a", "operator": "Exists"}
TOO_LITTLE = "Node didn't have enough resource: "


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"tolerations": [TOLERATION], **spec}}


@pytest.mark.parametrize(
    ("requests", "others", "reason", "message"),
    [
        ({}, [{}, {}], "", ""),
        ({}, [{}, {}, {}], "OutOfpods", "pods, requested: 1, used: 3, capacity: 3"),
        ({"cpu": 500}, [{"cpu": 1500}], "", ""),
        ({"cpu": 501}, [{"cpu": 1500}], "OutOfcpu", "cpu, requested: 501, used: 1500, capacity: 2000"),
        ({"memory": 5 << 30}, [], "OutOfmemory", "memory, requested: 5368709120, used: 0, capacity: 4294967296"),
        ({"example.com/card": 7}, [], "", ""),
    ],
)
def test_room(requests: dict[str, int], others: list[dict[str, int]], reason: str, message: str) -> None:
    expected = Rejection(reason, TOO_LITTLE + message) if reason else None
    assert lacks(requests, others, CAPACITY) == expected


AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.integers(0, 3 << 30))


@given(st.lists(AMOUNTS, max_size=6))
def test_what_is_admitted_one_by_one_never_exceeds_the_node(asked: list[dict[str, int]]) -> None:
    admitted: list[dict[str, int]] = []
    for requests in asked:
        if lacks(requests, admitted, CAPACITY) is None:
            admitted.append(requests)
    assert len(admitted) <= CAPACITY.pods
    for name, room in amounts_of(CAPACITY).items():
        assert sum(each.get(name, 0) for each in admitted) <= room


def on(number: int, address: str = "", protocol: str = "TCP") -> dict[str, Any]:
    port = {"containerPort": 80, "hostPort": number, "hostIP": address, "protocol": protocol}
    return pod(containers=[{"name": "web", "ports": [port]}])


@pytest.mark.parametrize(
    ("asking", "clash"),
    [
        (on(80), True),
        (on(81), False),
        (on(80, protocol="UDP"), False),
        (on(80, "10.0.0.1"), True),
        (on(80, "10.0.0.2"), False),
        (on(0), False),
    ],
)
def test_ports_of_the_node(asking: dict[str, Any], clash: bool) -> None:
    refused = contends(asking, [on(443), on(80, "10.0.0.1")])
    why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    assert refused == (Rejection("NodePorts", why) if clash else None)


def test_pods_of_other_systems() -> None:
    assert forbids(pod(os={"name": "linux"}), NODE) is None
    refused = forbids(pod(os={"name": "windows"}), NODE)
    assert refused and refused.reason == "PodOSNotSupported"


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        (pod(), ""),
        (pod(nodeSelector={"disk": "ssd"}), ""),
        (pod(nodeSelector={"disk": "hdd"}), "NodeAffinity"),
        (pod(tolerations=[]), "TaintToleration"),
    ],
)
def test_labels_and_taints(asking: dict[str, Any], expected: str) -> None:
    found = forbids(asking, NODE)
    assert (found.reason if found else "") == expected


def test_words() -> None:
    found = forbids(pod(nodeSelector={"disk": "hdd"}), NODE)
    assert found is not None
    assert found.message == "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("kernel.shm_rmid_forced", {}, ""),
        ("net/ipv4/tcp_syncookies", {}, ""),
        ("kernel.msgmax", {}, 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
        ("net.core.somaxconn", {}, 'forbidden sysctl: "net.core.somaxconn" not allowlisted'),
        (
            "net.ipv4.tcp_rmem",
            {"hostNetwork": True},
            'forbidden sysctl: "net.ipv4.tcp_rmem" not allowed with host net enabled',
        ),
        (
            "kernel.shm_rmid_forced",
            {"hostIPC": True},
            'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
        ),
    ],
)
def test_settings_of_the_kernel(name: str, more: dict[str, Any], message: str) -> None:
    found = forbids(pod(securityContext={"sysctls": [{"name": name, "value": "1"}]}, **more), NODE)
    told = (found.reason, found.message) if found else ("", "")
    assert told == ("SysctlForbidden" if message else "", message)
