"""Rows of the conformance inventory about traffic, with real containers and networks."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import manifests, serving
from tests.live.kubectl import Kubectl
from tests.live.machine import needs_containerd, needs_root
from tests.live.manifests import in_machine, shell
from tests.live.podo import Cluster
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, needs_root, needs_containerd]
SPACE = "traffic"


@pytest.fixture(scope="module")
def who(shared_cluster: Cluster) -> Iterator[Kubectl]:
    """A namespace with the pods ``a`` and ``b``, which say who they are, and ``node``, which has the node's network."""
    kubectl = shared_cluster.kubectl.within(SPACE)
    kubectl("create", "namespace", SPACE)
    labels, volumes = {"app": "who"}, [manifests.MACHINE]
    pods = [manifests.pod(name, manifests.python(), labels=labels, volumes=volumes) for name in ("a", "b")]
    idle = {**manifests.python(), "command": shell()["command"]}
    pods.append(manifests.pod("node", idle, volumes=volumes, hostNetwork=True))
    kubectl("apply", "-f", "-", given=pods)
    kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s")
    yield kubectl
    kubectl("delete", "namespace", SPACE, "--wait=false")


def address_of(kubectl: Kubectl, pod: str) -> str:
    return kubectl.path("{.status.podIP}", f"pod/{pod}")


def said(place: str, path: str = "/", seconds: float = 3) -> str:
    """Who answers; a new connection each time. "" for nobody."""
    try:
        with urllib.request.urlopen(f"http://{place}{path}", timeout=seconds) as answer:
            return str(answer.read().decode().strip())
    except OSError:
        return ""


def all_who_answer(place: str, times: int = 16) -> set[str]:
    return {said(place) or "nobody" for _ in range(times)}


def only_answers(place: str, who: str) -> None:
    eventually(lambda: all_who_answer(place, 4) == {who}, f"{who} alone answers at {place}")


@pytest.mark.parametrize("source", ["a", "node"])
def test_datagrams_reach_pods(who: Kubectl, source: str) -> None:
    ask = ("exec", source, "--", *in_machine("ask", address_of(who, "b")))
    eventually(lambda: who(*ask) == "b heard hello\n", "its answer")


def service(name: str) -> dict[str, Any]:
    ports = [{"name": "one", "port": 80}, {"name": "two", "port": 81}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}}


def piece(service: str, port: str, number: int, address: str) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-{port}", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": port, "port": number}],
        "endpoints": [{"addresses": [address]}],
    }


def test_ports_and_addresses_of_several_slices(who: Kubectl) -> None:
    a, b = address_of(who, "a"), address_of(who, "b")
    pieces = [piece("both", "one", serving.ONE, a), piece("both", "two", serving.TWO, b)]
    pieces += [piece("single", "one", serving.ONE, a), piece("single", "two", serving.TWO, a)]
    who("apply", "-f", "-", given=[service("both"), service("single"), *pieces])
    for name, first, second in (("both", "a 8080", "b 8081"), ("single", "a 8080", "a 8081")):
        address = who.path("{.spec.clusterIP}", f"service/{name}")
        only_answers(f"{address}:80", first)
        only_answers(f"{address}:81", second)


def test_affinity_at_a_node_port_and_at_the_clusters_address(who: Kubectl) -> None:
    wanted = manifests.service("who", type="NodePort", sessionAffinity="ClientIP")
    wanted["spec"]["ports"][0]["targetPort"] = serving.ONE
    who("apply", "-f", "-", given=wanted)
    node = who.path('{.items[0].status.addresses[?(@.type=="InternalIP")].address}', "nodes")
    inner, port = who.path("{.spec.clusterIP} {.spec.ports[0].nodePort}", "service/who").split()
    places = (f"{node}:{port}", inner)
    for place in places:
        answers(place, 1)
    for affinity, count in (("None", 2), ("ClientIP", 1)):
        who("patch", "service", "who", "-p", f'{{"spec":{{"sessionAffinity":"{affinity}"}}}}')
        for place in places:
            answers(place, count)


def answers(place: str, count: int) -> None:
    everybody = {f"{name} {serving.ONE}" for name in ("a", "b")}
    eventually(
        lambda: len(found := all_who_answer(place)) == count and found <= everybody, f"{count} answer at {place}"
    )


def test_many_services_get_their_endpoints_at_once(who: Kubectl) -> None:
    """Upstream allows 20 s to the median and 50 s to the slowest of the hundred; they are asked for together here, and
    this machine may be slow."""
    wanted = [manifests.service(f"late-{number}", selector={"app": "who"}) for number in range(100)]
    who("create", "-f", "-", given=wanted)

    def complete() -> bool:
        names = who.path("{.items[?(@.endpoints[1])].metadata.name}", "endpointslices").split()
        return sum(name.startswith("late-") for name in names) == len(wanted)

    eventually(complete, "two endpoints of each")


BACKEND = """#!/bin/sh
echo "Content-Type: text/plain"; echo; echo entries:
[ -n "$QUERY_STRING" ] && echo "$QUERY_STRING" >> /entries/all
cat /entries/all
"""
FRONTEND = """
server { listen 80; location / { proxy_pass http://backend/cgi-bin/entries; } }
"""


def test_an_application_of_two_tiers(kubectl: Kubectl) -> None:
    """A guestbook: three frontends find the backend by name and pass entries on to it; they are read at any of them."""
    scripts = {"name": "scripts", "configMap": {"name": "scripts", "defaultMode": 0o755}}
    entries = {"name": "entries", "emptyDir": {}}
    mounts = [{"name": "scripts", "mountPath": "/www/cgi-bin"}, {"name": "entries", "mountPath": "/entries"}]
    backend = manifests.deployment("backend", shell("exec httpd -f -p 80 -h /www", volumeMounts=mounts))
    backend["spec"]["template"]["spec"]["volumes"] = [scripts, entries]
    settings = {"name": "settings", "configMap": {"name": "settings"}}
    front = manifests.nginx(volumeMounts=[{"name": "settings", "mountPath": "/etc/nginx/conf.d"}])
    frontend = manifests.deployment("frontend", front, replicas=3)
    frontend["spec"]["template"]["spec"]["volumes"] = [settings]
    maps = [
        manifests.config_map("scripts", entries=BACKEND),
        manifests.config_map("settings", **{"default.conf": FRONTEND}),
    ]
    services = [manifests.service("backend"), manifests.service("frontend")]
    kubectl("create", "-f", "-", given=[*maps, *services, backend, frontend])
    for name in ("backend", "frontend"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s")
    address = kubectl.path("{.spec.clusterIP}", "service/frontend")
    eventually(lambda: said(address) == "entries:", "no entry so far")
    assert said(address, "/?TestEntry", 60) == "entries:\nTestEntry"
    frontends = kubectl.path("{.items[*].status.podIP}", "pods", "-l", "app=frontend").split()
    eventually(lambda: [said(place) for place in frontends] == ["entries:\nTestEntry"] * 3, "it is read at each")
    kubectl("delete", "deployment,service", "backend", "frontend")
