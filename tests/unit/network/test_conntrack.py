"""Which remembered flows are removed when endpoints go."""

from __future__ import annotations

from podo.network.services.conntrack import filters
from podo.network.services.rules import Element

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
