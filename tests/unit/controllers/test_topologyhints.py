"""Whose traffic each endpoint takes: hints for zones in proportion to the CPU of their nodes, worked out by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api.kind import Obj
from podo.controllers import endpointslice
from podo.controllers.topologyhints import Endpoint, Piece, allot, counted, is_overloaded, without_hints
from podo.controllers.zoneshares import shares_of
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, running

ZONE, MASTER = "topology.kubernetes.io/zone", "node-role.kubernetes.io/control-plane"
MODE, HINTS = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"
THIRDS = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}


def endpoints(zones: str, ready: bool = True) -> list[Endpoint]:
    return [{"addresses": [f"ip-{n}"], "conditions": {"ready": ready}, "zone": z} for n, z in enumerate(zones)]


def hinted(zones: str, takes: str) -> list[Endpoint]:
    """Endpoints in ``zones`` that take the traffic of as many others."""
    pairs = zip(endpoints(zones), takes, strict=True)
    return [{**endpoint, "hints": {"forZones": [{"name": zone}]}} for endpoint, zone in pairs]


def takes(found: list[Endpoint]) -> str:
    return "".join(endpoint["hints"]["forZones"][0]["name"] if "hints" in endpoint else "-" for endpoint in found)


def new(zones: str) -> Piece:
    return Piece(endpoints(zones), [])


def test_where_all_is_alike_each_takes_its_own_zone() -> None:
    found = allot([new("abcabcabc")], THIRDS)
    assert takes(found.endpoints[0]) == "abcabcabc" and not found.refusal
    assert found.endpoints[0][0]["hints"] == {"forZones": [{"name": "a"}]}


def test_a_zone_with_much_cpu_is_given_endpoints_of_another() -> None:
    """Of 9, the half is 4.5, and 4 at least; a quarter is 2.25. What b has too much (0.75) and a too little (1.5) make
    one; then c has 0.75 too many and a lacks 0.5, which is not worth it."""
    found = allot([new("aaabbbccc")], {"a": 0.5, "b": 0.25, "c": 0.25})
    assert takes(found.endpoints[0]) == "aaaabbccc"


def test_a_zone_without_endpoints_is_given_some() -> None:
    """Three quarters of 4 are 3, the fourth is for b."""
    assert takes(allot([new("aaaa")], {"a": 0.75, "b": 0.25}).endpoints[0]) == "baaa"


@pytest.mark.parametrize(
    ("zones", "shares", "why"),
    [
        ("ab", THIRDS, "Insufficient number of endpoints (2 endpoints, 3 zones)"),
        # A third of 5 is 1.67; an endpoint may get a fifth more to do, so 1.39: two in each zone, six in all.
        (
            "aabbc",
            THIRDS,
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
            "(5 endpoints, 3 zones)",
        ),
        (
            "aabbc",
            {},
            "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
        ),
    ],
)
def test_when_there_are_no_hints(zones: str, shares: dict[str, float], why: str) -> None:
    found = allot([Piece(endpoints(zones), hinted(zones, zones))], shares)
    assert found.refusal == why and found.endpoints == [endpoints(zones)]


def test_an_endpoint_without_a_zone_spoils_it() -> None:
    homeless = [{"addresses": ["x"], "conditions": {"ready": True}}]
    found = allot([Piece(endpoints("aba") + homeless, [])], {"a": 0.5, "b": 0.5})
    assert found.refusal == "One or more endpoints do not have a zone specified"


def test_those_that_are_not_ready_do_not_count() -> None:
    found = allot([Piece(endpoints("ab") + endpoints("bbb", ready=False), [])], {"a": 0.5, "b": 0.5})
    assert takes(found.endpoints[0]) == "ab---"


def test_slices_that_can_stay_do() -> None:
    """Three of six each. The first slice gives one to b; in the second b has three, and gives one back."""
    kept = hinted("aaa", "aab")
    found = allot([Piece(endpoints("aaa"), kept), new("bbb")], {"a": 0.5, "b": 0.5})
    assert found.endpoints[0] is kept and takes(found.endpoints[1]) == "abb"


@pytest.mark.parametrize(
    "present",
    [
        pytest.param(hinted("aab", "aax"), id="for a zone that is no more"),
        pytest.param(hinted("aab", "aaa"), id="more than may be"),
        pytest.param(endpoints("aab"), id="none"),
        pytest.param([{**e, "hints": {**e["hints"], "forNodes": [{"name": "n"}]}} for e in hinted("aab", "aab")]),
    ],
)
def test_slices_that_cannot_stay_are_made_anew(present: list[Endpoint]) -> None:
    found = allot([Piece(endpoints("aab"), present), new("b")], {"a": 0.5, "b": 0.5})
    assert found.endpoints[0] == hinted("aab", "aab")


def test_too_few_for_a_zone() -> None:
    halves, quarters = {"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}
    assert not is_overloaded({"a": 3, "b": 3}, halves)
    assert is_overloaded({"a": 3, "b": 3}, quarters), "4.5 / 1.2 = 3.75, so 4"
    assert not is_overloaded({"a": 4, "b": 2}, quarters)
    assert is_overloaded({"a": 6}, quarters)
    assert is_overloaded({"a": 3, "b": 3}, {}) and not is_overloaded({}, {})


@given(
    st.lists(st.text("abcd", max_size=12), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 64), min_size=2),
)
def test_it_comes_to_rest(slices: list[str], cpu: dict[str, int]) -> None:
    shares = {zone: amount / sum(cpu.values()) for zone, amount in sorted(cpu.items())}
    pieces = [new(zones) for zones in slices]
    found = allot(pieces, shares)
    assert [without_hints(each) for each in found.endpoints] == [piece.endpoints for piece in pieces]
    again = allot([Piece(piece.endpoints, each) for piece, each in zip(pieces, found.endpoints, strict=True)], shares)
    assert again == found
    counts = sum((counted(each) for each in found.endpoints), Counter[str]())
    assert counts.total() == (0 if found.refusal else sum(map(len, slices)))


def node(name: str, zone: str = "", cpu: str = "2", *, ready: bool = True, **labels: str) -> Obj:
    metadata = {"name": name, "labels": {**({ZONE: zone} if zone else {}), **labels}}
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    status = {"allocatable": {"cpu": cpu} if cpu else {}, "conditions": conditions}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


@pytest.mark.parametrize(
    ("nodes", "shares"),
    [
        ([node("n1", "a", "1500m"), node("n2", "b", "500m"), node("n3", "b", "2")], {"a": 0.375, "b": 0.625}),
        ([node("n1", "a"), node("n2", "b"), node("n3", **{MASTER: ""})], {"a": 0.5, "b": 0.5}),
        ([node("n1", "a"), node("n2", "b"), node("n3", "a", "9", ready=False)], {"a": 0.5, "b": 0.5}),
        ([node("n1", "a"), node("n2", "b"), node("n3")], {}),
        ([node("n1", "a"), node("n2", "b"), node("n3", "a", cpu="")], {}),
        ([node("n1", "a"), node("n2", "a")], {}),
        ([], {}),
    ],
)
def test_what_part_of_the_cpu_a_zone_has(nodes: list[Obj], shares: dict[str, float]) -> None:
    assert shares_of(nodes) == shares


# Through the controller.


def service(spec: dict[str, Any] | None = None, **annotations: str) -> Obj:
    metadata = {"name": "web", "namespace": "default", "annotations": annotations}
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": "web"}, "ports": ports, **(spec or {})},
    }


def pod(number: int, at: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number:03}", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": at},
        "status": {**running(0, True), "podIP": f"10.244.0.{number + 1}"},
    }


def stage(pods: str) -> Stage:
    """Nodes in the zones a and b, named so, and pods on them."""
    s = Stage(endpointslice.reconcile)
    for zone in "ab":
        s.put(node(zone, zone))
    for number, zone in enumerate(pods):
        s.put(pod(number, zone))
    return s


def hints(s: Stage) -> str:
    return "".join(takes(each["endpoints"]) for each in s.list("EndpointSlice"))


@pytest.mark.parametrize(
    ("annotations", "found"),
    [
        ({MODE: "Auto"}, "aabb"),
        ({HINTS: "auto"}, "aabb"),
        ({MODE: "disabled"}, "----"),
        ({HINTS: "disabled", MODE: "Auto"}, "----"),
    ],
)
def test_who_asks_for_it(annotations: dict[str, str], found: str) -> None:
    s = stage("aabb")
    s.put(service(**annotations))
    s.run()
    assert hints(s) == found and s.everything() == []


def test_it_is_told_when_it_begins_and_when_it_ends() -> None:
    s = stage("aabb")
    s.put(service(**{MODE: "Auto"}))
    s.run()
    s.put(pod(4, "a"))
    s.put(pod(5, "b"))
    s.run()
    assert hints(s) == "aabbab"
    begun = ("Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")
    assert s.told == [begun]
    s.put(service())
    s.run()
    assert hints(s) == "------"
    ended = ("Warning", "TopologyAwareHintsDisabled", "Topology Aware Hints has been disabled, addressType: IPv4")
    assert s.told == [begun, ended]
    s.put(service({"trafficDistribution": "PreferSameZone"}, **{MODE: "Auto"}))
    s.run()
    s.put(service({"trafficDistribution": "PreferSameZone"}))
    s.run()
    assert hints(s) == "aabbab" and s.told == [begun, ended, begun], "the field goes on with it"


def test_too_few_endpoints_are_told_of() -> None:
    s = stage("a")
    s.put(service(**{MODE: "Auto"}))
    s.run()
    assert hints(s) == "-"
    why = "Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4"
    assert set(s.told) == {("Warning", "TopologyAwareHintsDisabled", why)}


def test_a_change_of_nodes_that_leaves_too_few_for_a_zone_is_made_good() -> None:
    s = stage("aaabbb")
    s.put(service(**{MODE: "Auto"}))
    s.run()
    assert hints(s) == "aaabbb"
    s.put(node("more", "a", "4"))
    s.run()
    assert hints(s) == "aaaabb", "three quarters of 6 are 4.5, 4 at least"
    s.change(node("b"), {"metadata": {"labels": {ZONE: "c"}}})
    s.run()
    assert hints(s) == "aaaacc"
    s.now += 3600
    s.change(node("more"), {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
    s.change(node("a"), {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
    s.run()
    assert hints(s) == "------", "one zone is not enough"


def test_heartbeats_of_nodes_wake_nobody() -> None:
    s = stage("aabb")
    s.put(service(**{MODE: "Auto"}))
    s.run()
    s.now += 3600
    s.change(node("a"), {"status": {"allocatable": {"cpu": "64"}, "conditions": node("a")["status"]["conditions"]}})
    assert not s.dirty
    s.change(node("a"), {"metadata": {"labels": {ZONE: "elsewhere"}}})
    assert s.dirty
    assert timestamp.parse(s.fresh(node("a"))["metadata"]["creationTimestamp"]) < s.now
