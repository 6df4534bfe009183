"""Starting a cluster from outside: prepare its files, leave a supervisor behind, wait until the cluster answers."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from podo.cluster import certificates, encryption, kubeconfig, state
from podo.cluster.component import python
from podo.cluster.components import components, containerd_component
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.runtime.clock import SystemClock, pause

#: A component that has ended this often while the cluster starts will not come up by itself.
HOPELESS_RESTARTS = 3
POLL_SECONDS = 0.02
#: So many simulated nodes become Ready in a second on a slow machine, at the least: for more there is more time.
NODES_A_SECOND = 20
#: Before a node's name: what is waited for is not its process but that the API says it is Ready.
NODE = "node "
#: How many nodes are asked for at a time.
PAGE = 500

Progress = Callable[[str], None]
Node = dict[str, Any]


class NotReady(Exception):
    """The cluster is not ready in time. ``component``: what it waits for; ``log``: whose log tells why; ``detail``: how
    that one fares, and the last line that it logged."""

    def __init__(self, component: str, log: str, detail: str) -> None:
        super().__init__(component)
        self.component = component
        self.log = log
        self.detail = detail


class StartFailed(Exception):
    """A component cannot run. ``detail``: the end of its log."""

    def __init__(self, component: str, detail: str) -> None:
        super().__init__(component)
        self.component = component
        self.detail = detail


def prepare(config: Config) -> None:
    """Everything the processes find on disk: directories, certificates, kubeconfig, containerd's configuration."""
    config.layout.make()
    config.save()
    encryption.ensure(config)
    certificates.ensure(config, SystemClock())
    write_atomically(config.layout.kubeconfig, kubeconfig.render(config))
    if config.runtime == "containerd":
        from podo.cluster import fabric, realnode

        fabric.make(config)
        for name in config.node_names:
            realnode.prepare(config, name)


def launch(config: Config) -> None:
    """Start the supervisor, on its own from here on."""
    argv = python("supervise", "--name", config.name, "--data-dir", config.data_dir)
    path = config.layout.log("supervisor")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def wait_ready(config: Config, seconds: float, progress: Progress) -> None:
    """Until every component is ready and every node is Ready; NotReady after ``seconds`` (and what thousands of nodes
    need), StartFailed sooner."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds + config.nodes // NODES_A_SECOND
    waits_for = "supervisor"
    told: set[str] = set()
    while (began := clock.monotonic()) < deadline:
        waits_for = _first_not_ready(config, told, progress)
        if not waits_for:
            return
        pause(max(POLL_SECONDS, clock.monotonic() - began))  # a look at thousands of nodes takes its time, there too
    told_by = _told_by(config, waits_for)
    raise NotReady(waits_for, told_by, _how_it_fares(config, told_by))


def _told_by(config: Config, waits_for: str) -> str:
    """The component whose log says why it is waited for: simulated nodes live in the server."""
    if waits_for.startswith(NODE):
        return "server" if config.runtime == "simulated" else waits_for.removeprefix(NODE)
    return waits_for


def _how_it_fares(config: Config, component: str) -> str:
    found = state.load(config.layout.state).component(component)
    states = [f"it is {found.seen().state}"] if found else []
    if found and found.restarts:
        states.append(f"has ended {found.restarts} time(s), last with {found.exit}")
    line = _tail(config.layout.log(component), 1)
    states.append(f"its log ends with: {line}" if line else "its log is empty")
    return "; ".join(states)


def _first_not_ready(config: Config, told: set[str], progress: Progress) -> str:
    """What is waited for; "" when all is ready. Tells each thing that became ready once."""
    now = state.load(config.layout.state)
    if not now.running:
        return "supervisor"
    for name in [component.name for component in components(config)]:
        component = now.component(name)
        if component is None or component.state != "ready":
            if component is not None and component.restarts >= HOPELESS_RESTARTS:
                raise StartFailed(name, _tail(config.layout.log(name)))
            return name
        if name not in told:
            told.add(name)
            progress(f"{name} is ready (pid {component.pid})")
    return _first_node_not_ready(config)


def _first_node_not_ready(config: Config) -> str:
    ready = ready_nodes(config)
    return next((f"{NODE}{name}" for name in config.node_names if name not in ready), "")


def ready_nodes(config: Config) -> set[str]:
    """Names of the nodes whose Ready condition is True, as far as the first page on which one is not; empty when the
    API does not answer."""
    pki = config.layout.pki
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    connection = http.client.HTTPSConnection("127.0.0.1", config.port, timeout=2, context=context)
    ready: set[str] = set()
    try:
        for nodes in _pages(connection):
            found = {node["metadata"]["name"] for node in nodes if _is_ready(node)}
            ready |= found
            if len(found) < len(nodes):
                break
    except (OSError, http.client.HTTPException, ValueError):
        return set()
    finally:
        connection.close()
    return ready


def _pages(connection: http.client.HTTPSConnection) -> Iterator[list[Node]]:
    token = ""
    while True:
        connection.request("GET", f"/api/v1/nodes?limit={PAGE}&continue={quote(token)}")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        yield body.get("items", []) if answer.status == 200 else []
        token = body.get("metadata", {}).get("continue", "")
        if not token:
            return


def _is_ready(node: Node) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def stop(config: Config, progress: Progress) -> None:
    """End the supervisor (it stops its components in reverse order), then what survives it and what the kernel
    holds. The supervisor may be this process (``--foreground``), when it has done its work."""
    now = state.load(config.layout.state)
    if (supervisor := now.supervisor) and supervisor.alive and supervisor.pid != os.getpid():
        supervisor.end(grace_seconds=40)
        progress("components are stopped")
    for component in reversed(now.components):  # what a killed supervisor left running
        process = component.process
        if process and not component.name.startswith(containerd_component("")):
            process.end(grace_seconds=10)
    if config.runtime == "containerd":
        from podo.cluster import fabric, realnode

        for name in config.node_names:
            left = now.component(containerd_component(name))
            realnode.remove(config, name, left.process if left else None)
            progress(f"{name}: containers, networks and mounts are gone")
        fabric.remove(config)
