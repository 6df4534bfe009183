"""Which remembered flows are removed when endpoints go, and that nobody waits for it."""

from __future__ import annotations

import asyncio

from podo.network.services.conntrack import MOST, Filter, Forgetting, filters
from podo.network.services.rules import Element
from podo.runtime.tasks import within

A, B = "10.244.0.2 . 8080", "10.244.0.3 . 8080"


def test_flows_of_endpoints_that_are_gone_are_removed() -> None:
    gone = {Element("ep_udp", "10.96.0.20 . 53 . 0", A), Element("ep_tcp", "10.96.0.20 . 80 . 0", A)}
    assert filters(gone, ()) == [
        ("-p", "tcp", "--state", "SYN_SENT", "--reply-src", "10.244.0.2"),
        ("-p", "udp", "--orig-dst", "10.96.0.20", "--reply-src", "10.244.0.2"),
    ]


def test_one_that_gets_another_number_is_not_gone() -> None:
    gone = {Element("ep_tcp", "10.96.0.20 . 80 . 0", A), Element("ep_tcp", "10.96.0.20 . 80 . 1", B)}
    new = {Element("ep_tcp", "10.96.0.20 . 80 . 0", B)}
    assert filters(gone, new) == [("-p", "tcp", "--state", "SYN_SENT", "--reply-src", "10.244.0.2")]


def test_a_node_port_and_a_cluster_address_are_one_look() -> None:
    gone = {Element("ep_tcp", "10.96.0.20 . 80 . 0", A), Element("np_tcp", "30080 . 0", A)}
    assert len(filters(gone, ())) == 1


def test_other_elements_have_no_flows() -> None:
    gone = {Element("svc", "10.96.0.20 . tcp . 80", "goto c_tcp_1"), Element("hairpin", "10.244.0.2 . 10.244.0.2")}
    assert filters(gone, ()) == []


def gone_at(pod: str) -> set[Element]:
    return {Element("ep_udp", "10.96.0.20 . 53 . 0", f"{pod} . 8080")}


def test_flows_are_removed_in_order_beside_who_asks_and_not_beyond_a_bound() -> None:
    async def run() -> list[str]:
        first, go, last = asyncio.Event(), asyncio.Event(), asyncio.Event()
        removed: list[str] = []

        async def delete(which: Filter) -> None:
            removed.append(which[-1])
            first.set()
            await go.wait()
            if len(removed) == MOST + 1:
                last.set()

        flows = Forgetting(delete)
        flows.start()
        flows.forget(gone_at("10.244.9.9"), ())
        await within(60, first.wait())  # and is held up
        for number in range(MOST + 8):
            flows.forget(gone_at(f"10.244.{number // 256}.{number % 256}"), ())
        go.set()
        await within(60, last.wait())
        await flows.stop()
        return removed

    removed = asyncio.run(run())
    assert removed == ["10.244.9.9", *(f"10.244.0.{number}" for number in range(MOST))]


def test_what_waits_ends_with_the_proxy() -> None:
    async def run() -> bool:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def delete(which: Filter) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        flows = Forgetting(delete)
        flows.start()
        flows.forget(gone_at("10.244.0.1"), ())
        await within(60, begun.wait())
        await within(60, flows.stop())
        return ended.is_set()

    assert asyncio.run(run())
