"""A large cluster of simulated nodes: how fast they are Ready, what a pod's life costs there, and what both keep.
Simulated nodes live in the server's process: their work and memory are in its figures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from typing import Any

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void

NODES, PODS = 1000, 2000
NAMESPACE, NAME = "crowd", "web"
PATIENCE, LOOK_EVERY = 300.0, 0.25
#: CPU seconds of 1,000 pods' lives, and seconds in which a Deployment or a namespace of 10,000 pods is to come or go.
LIVES_TARGET, TEN_THOUSAND_TARGET = 0.75, 5.0
Answer = dict[str, Any]


def measure() -> Iterator[Figure]:
    began = time.perf_counter()
    with running("simulated", NODES) as cluster:
        seconds = time.perf_counter() - began
        yield from _Crowd(cluster).figures(seconds)


class _Crowd:
    """Asks the cluster as its administrator, on one connection."""

    def __init__(self, cluster: Cluster) -> None:
        self._pid = cluster.pids()["server"]
        self._connection = HTTPSConnection("127.0.0.1", cluster.port, context=cluster.tls(), timeout=60)

    def figures(self, up_seconds: float) -> Iterator[Figure]:
        cpu, empty = machine.cpu_seconds([self._pid]), machine.memory(self._pid)[1]
        self._check_nodes()
        yield Figure(f"podo up, {NODES} simulated nodes Ready", up_seconds, "s", wall=up_seconds, cpu=cpu)
        yield Figure("simulated nodes Ready per CPU second", NODES / cpu, "/s", cpu=cpu)
        yield Figure("memory, a simulated node and its share of the server", empty / NODES * 1000, "kB")
        ran, ran_cpu = self._spent(self._run)
        full = machine.memory(self._pid)[1]
        share = PODS / 10_000
        yield Figure(
            f"Deployment of {PODS}, all Ready", ran, "s", wall=ran, cpu=ran_cpu, target=TEN_THOUSAND_TARGET * share
        )
        yield Figure("memory, a simulated pod with its Events", (full - empty) / PODS * 1000, "kB")
        gone, gone_cpu = self._spent(self._end)
        yield Figure(
            f"namespace of {PODS} pods deleted", gone, "s", wall=gone, cpu=gone_cpu, target=TEN_THOUSAND_TARGET * share
        )
        lives = (ran_cpu + gone_cpu) / PODS * 1000
        note = "nodes and Events included"
        yield Figure("CPU, 1,000 lives of a Deployment's pods", lives, "s", cpu=lives, target=LIVES_TARGET, note=note)
        self._check_nodes()

    def _spent(self, work: Callable[[], None]) -> tuple[float, float]:
        began, before = time.perf_counter(), machine.cpu_seconds([self._pid])
        work()
        return time.perf_counter() - began, machine.cpu_seconds([self._pid]) - before

    def _run(self) -> None:
        self._ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}, code=201)
        labels = {"app": NAME}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
        wanted = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": pod}
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        self._ask("POST", path, {"metadata": {"name": NAME}, "spec": wanted}, code=201)
        self._until(lambda: self._ask("GET", f"{path}/{NAME}").get("status", {}).get("readyReplicas") == PODS)

    def _end(self) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}"
        self._ask("DELETE", path)
        self._until(lambda: self._ask("GET", path, code=0).get("code") == 404)

    def _check_nodes(self) -> None:
        nodes = self._ask("GET", "/api/v1/nodes")["items"]
        conditions = [c for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
        if [condition["status"] for condition in conditions] != ["True"] * NODES:
            raise Void("not every node is Ready")

    def _ask(self, verb: str, path: str, body: Answer | None = None, code: int = 200) -> Answer:
        """``code``: what the answer must have; 0 is any."""
        headers = {"Content-Type": "application/json"}
        self._connection.request(verb, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        content: Answer = json.loads(answer.read())
        if code and answer.status != code:
            raise Void(f"{verb} {path}: {answer.status} {content.get('message')}")
        return content

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise Void(f"not reached within {PATIENCE:g} s")
            time.sleep(LOOK_EVERY)
