"""EndpointSlices and Endpoints of Services."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.kind import Obj
from podo.api.meta import annotations_of, labels_of, name_of, uid_of
from podo.controllers import endpoints, endpointslice
from podo.controllers.slicepacking import pack
from podo.reconcile.actions import Create, Delete, Update
from podo.values import timestamp
from tests.unit.controllers.stage import Stage, running


def stage() -> Stage:
    s = Stage(endpointslice.reconcile, endpoints.reconcile)
    s.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    return s


def service(ports: list[dict] | None = None, **spec: object) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": ports or [{"port": 80, "targetPort": 8080}], **spec},
    }


def pod(number: int, ready: bool = True, port: int = 8080, **spec: object) -> Obj:
    container = {"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": port}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number:04}", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [container], "nodeName": "n1", **spec},
        "status": {**running(0, ready), "podIP": f"10.244.{number // 250}.{number % 250 + 1}"},
    }


def slices(s: Stage) -> list[Obj]:
    return s.list("EndpointSlice")


def test_one_pod() -> None:
    s = stage()
    s.put(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z"}}}
    )
    p = s.put(pod(1))
    svc = s.put(service())
    s.run()
    (found,) = slices(s)
    assert found["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}] and found["addressType"] == "IPv4"
    target = {"kind": "Pod", "namespace": "default", "name": "p0001", "uid": uid_of(p)}
    assert found["endpoints"] == [
        {
            "addresses": ["10.244.0.2"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": target,
            "nodeName": "n1",
            "zone": "z",
        }
    ]
    assert labels_of(found) == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert found["metadata"]["ownerReferences"][0]["uid"] == uid_of(svc)
    old = s.get("Endpoints", "web", "default")
    assert old is not None and old["subsets"] == [
        {
            "addresses": [{"ip": "10.244.0.2", "nodeName": "n1", "targetRef": target}],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]
    assert s.everything() == []


@pytest.mark.parametrize(
    ("preference", "hints"),
    [
        (None, None),
        ("PreferClose", {"forZones": [{"name": "z"}]}),
        ("PreferSameZone", {"forZones": [{"name": "z"}]}),
        ("PreferSameNode", {"forZones": [{"name": "z"}], "forNodes": [{"name": "n1"}]}),
    ],
)
def test_whose_traffic_should_come(preference: str | None, hints: dict | None) -> None:
    s = stage()
    metadata = {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z"}}
    s.put({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    s.put(pod(1))
    s.put(pod(2, ready=False))
    s.put(service(trafficDistribution="PreferClose"))
    s.run()
    s.put(service(**({"trafficDistribution": preference} if preference else {})))
    s.run()
    (found,) = slices(s)
    assert [endpoint.get("hints") for endpoint in found["endpoints"]] == [hints, None]
    assert s.everything() == []


def test_unready_terminating_finished_and_addressless_pods() -> None:
    s = stage()
    s.put(service())
    s.put(pod(1, ready=False))
    going = pod(2)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    s.put(going)
    ended, new = pod(3), pod(4)
    ended["status"]["phase"] = "Succeeded"
    del new["status"]["podIP"]
    s.put(ended)
    s.put(new)
    s.run()
    (found,) = slices(s)
    said = {e["targetRef"]["name"]: tuple(e["conditions"].values()) for e in found["endpoints"]}
    assert said == {"p0001": (False, False, False), "p0002": (False, True, True)}
    old = s.get("Endpoints", "web", "default")
    assert old is not None and [a["targetRef"]["name"] for a in old["subsets"][0]["notReadyAddresses"]] == ["p0001"]


def test_not_ready_addresses_may_be_published() -> None:
    s = stage()
    s.put(service(publishNotReadyAddresses=True))
    s.put(pod(1, ready=False))
    s.run()
    assert slices(s)[0]["endpoints"][0]["conditions"]["ready"] is True
    old = s.get("Endpoints", "web", "default")
    assert old is not None and len(old["subsets"][0]["addresses"]) == 1


def test_named_ports_may_differ_from_pod_to_pod() -> None:
    s = stage()
    s.put(service([{"name": "web", "port": 80, "targetPort": "http"}]))
    s.put(pod(1, port=8080))
    s.put(pod(2, port=9090))
    s.put({**pod(3), "spec": {"containers": [{"name": "c", "image": "i"}]}})
    s.run()
    ports = {name_of_first(each): [port["port"] for port in each["ports"]] for each in slices(s)}
    assert ports == {"p0001": [8080], "p0002": [9090], "p0003": []}, "the last has no such port"
    old = s.get("Endpoints", "web", "default")
    assert old is not None and [each["ports"][0]["port"] for each in old["subsets"]] == [8080, 9090]


def name_of_first(found: Obj) -> str:
    return str(found["endpoints"][0]["targetRef"]["name"])


def test_a_pod_whose_node_is_missing_is_left_out_until_it_is_there() -> None:
    s = stage()
    s.put(service())
    s.put(pod(1))
    s.put(pod(2, nodeName="n2"))
    s.run()
    assert [name_of_first(each) for each in slices(s) for _ in each["endpoints"]] == ["p0001"]
    s.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}})
    s.run().pass_time(10)
    assert [len(each["endpoints"]) for each in slices(s)] == [2]


def test_slices_of_a_former_service_of_the_name_are_not_taken_over() -> None:
    s = stage()
    s.put(pod(1))
    s.put(service())
    s.run()
    (old,) = slices(s)
    s.objects.pop(("Service", "default", "web"))
    again = s.put(service())
    s.run()
    (new,) = slices(s)
    assert name_of(new) != name_of(old)
    assert new["metadata"]["ownerReferences"][0]["uid"] == uid_of(again)


def test_headless_services_are_labelled_and_name_their_pods() -> None:
    s = stage()
    svc = service(clusterIP="None")
    svc["spec"]["ports"] = []
    s.put(svc)
    s.put(pod(1, hostname="db-0", subdomain="web"))
    s.run()
    (found,) = slices(s)
    assert labels_of(found)["service.kubernetes.io/headless"] == ""
    assert found["ports"] == [] and found["endpoints"][0]["hostname"] == "db-0"


def test_a_service_without_pods_has_one_empty_slice() -> None:
    s = stage()
    s.put(service())
    s.run()
    (found,) = slices(s)
    assert found["endpoints"] == []
    p = s.put(pod(1))
    s.run()
    assert [len(each["endpoints"]) for each in slices(s)] == [1]
    s.remove(p)
    s.run()
    assert [len(each["endpoints"]) for each in slices(s)] == [0]
    assert s.everything() == []


@pytest.mark.parametrize("spec", [{"selector": None}, {"type": "ExternalName", "externalName": "example.com"}])
def test_services_whose_endpoints_are_others_business(spec: dict) -> None:
    s = stage()
    s.put(service(**spec))
    s.put(pod(1))
    s.run()
    assert s.writes == []


def test_the_old_object_goes_with_its_service() -> None:
    s = stage()
    svc = s.put(service())
    s.run()
    assert s.get("Endpoints", "web", "default") is not None
    s.remove(svc)
    s.run()
    assert s.get("Endpoints", "web", "default") is None


def test_a_thousand_pods_and_one_more() -> None:
    s = stage()
    for number in range(1001):
        s.put(pod(number))
    s.put(service())
    s.run()
    assert sorted(len(each["endpoints"]) for each in slices(s)) == [1, *[100] * 10]
    old = s.get("Endpoints", "web", "default")
    assert old is not None and len(old["subsets"][0]["addresses"]) == 1000
    assert old["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"
    before = len(s.writes)
    s.change(s.list("Pod")[500], {"status": {"conditions": []}})
    s.run()
    written = [w for w in s.writes[before:] if w.obj["kind"] == "EndpointSlice"]
    assert len(written) == 1 and isinstance(written[0], Update), "one pod is one slice"


def test_what_is_cut_off_is_cut_off_of_every_set_of_ports() -> None:
    s = stage()
    for number in range(1200):
        s.put(pod(number, port=8080 if number % 3 else 8081, ready=number >= 900))
    s.put(service([{"port": 80, "targetPort": "http"}]))
    s.run()
    found = s.get("Endpoints", "web", "default")
    assert found is not None
    sizes = {
        each["ports"][0]["port"]: [len(each[w]) for w in ("addresses", "notReadyAddresses")]
        for each in found["subsets"]
    }
    assert sizes == {8080: [200, 467], 8081: [100, 233]}


def test_since_when_what_is_published_has_been_so() -> None:
    def said() -> set[str | None]:
        told = [*slices(s), *s.list("Endpoints")]
        return {annotations_of(each).get("endpoints.kubernetes.io/last-change-trigger-time") for each in told}

    s = stage()
    svc = s.put(service())
    s.run()
    assert said() == {svc["metadata"]["creationTimestamp"]}
    s.now += 60
    p = s.put({**pod(1), "status": {**pod(1)["status"], **running(s.now)}})
    since = timestamp.time(s.now)
    s.now += 5
    s.run()
    assert said() == {since}, "when the pod became ready, not when it was seen"
    s.change(svc, {"metadata": {"labels": {"team": "b"}}})
    s.run()
    assert said() == {None}, "no pod is why this was written"
    s.now += 60
    s.change(p, {"status": running(s.now, ready=False)})
    s.run()
    assert said() == {timestamp.time(s.now)}
    assert s.everything() == []


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5), st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=5), st.sets(st.integers(0, 30)))
def test_packing_keeps_everything_once_and_within_bounds(
    largest: int, present: list[list[int]], want: set[int]
) -> None:
    def endpoint(number: int) -> dict:
        return {"addresses": [str(number)], "targetRef": {"uid": str(number)}}

    seen: set[int] = set()
    before = []
    for numbers in present:
        mine = [n for n in dict.fromkeys(numbers) if n not in seen][:largest]
        seen |= set(mine)
        before.append([endpoint(n) for n in mine])
    after = pack([endpoint(n) for n in sorted(want)], before, largest)
    flat = [int(e["addresses"][0]) for each in after for e in each]
    assert sorted(flat) == sorted(want)
    assert all(len(each) <= largest for each in after)
    for old, new in zip(before, after, strict=False):
        stays = [e for e in old if int(e["addresses"][0]) in want]
        assert new[: len(stays)] == stays, "an endpoint stays in its slice"
    assert pack([endpoint(n) for n in sorted(want)], after, largest)[: len(after)] == after, "and then nothing moves"


@pytest.mark.parametrize("seed", range(10))
def test_pods_come_and_go_and_the_slices_always_say_who_is_there(seed: int) -> None:
    r = random.Random(seed)
    s = stage()
    s.put(service([{"name": "web", "port": 80, "targetPort": "http"}]))
    foreign = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": []}
    s.put(
        {
            **foreign,
            "metadata": {"name": "mine", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        }
    )
    for step in range(120):
        pods = s.list("Pod")
        if pods and r.random() < 0.4:
            s.remove(r.choice(pods))
        else:
            s.put(pod(step, ready=r.random() < 0.7, port=r.choice([8080, 8080, 9090])))
        if r.random() < 0.5:
            s.run()
    s.run()
    there = {
        (e["targetRef"]["name"], each["ports"][0]["port"], e["conditions"]["ready"])
        for each in slices(s)
        for e in each["endpoints"]
    }
    expected = {
        (
            name_of(p),
            p["spec"]["containers"][0]["ports"][0]["containerPort"],
            p["status"]["conditions"][0]["status"] == "True",
        )
        for p in s.list("Pod")
    }
    assert there == expected
    assert s.everything() == []
    touched = {name_of(w.obj) for w in s.writes if isinstance(w, Create | Update | Delete)}
    assert "mine" not in touched, "slices of others are left alone"
