"""Clusters for measuring, started by the ``podo`` command as a user would, each with files and a port of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figure import Void

#: Nothing listens there: no measurement asks a registry.
NO_REGISTRY = "http://127.0.0.1:9"
IMAGES = Path(__file__).parents[1] / "build" / "images"
FIRST_PORT = 18440


@dataclass(frozen=True)
class Cluster:
    """``directory`` has everything of it."""

    name: str
    directory: Path
    port: int
    runtime: str
    nodes: int = 1

    @property
    def data(self) -> Path:
        return self.directory / "d"

    @property
    def pki(self) -> Path:
        return self.data / "pki"

    @property
    def containerd_socket(self) -> Path:
        return self.data / "nodes" / "node-1" / "containerd" / "c.sock"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "podo", *arguments, "--name", self.name, "--data-dir", str(self.data)]

    def podo(self, *arguments: str, seconds: float = 90) -> float:
        """Run a command to its end; the seconds it took."""
        began = time.monotonic()
        done = subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self.environment,
        )
        if done.returncode:
            raise Void(f"podo {arguments[0]}: exit code {done.returncode}: {done.stderr[-2000:]}")
        return time.monotonic() - began

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.directory / "kubeconfig")}

    @property
    def up_arguments(self) -> list[str]:
        wanted = ["up", "--runtime", self.runtime, "--nodes", str(self.nodes)]
        return [*wanted, "--port", str(self.port), "--registry-mirror", NO_REGISTRY, "--no-registry-fallback"]

    def load_images(self) -> float:
        return self.podo("image", "load", *(str(IMAGES / f"{name}.tar") for name in ("pause", "busybox")))

    def pids(self) -> dict[str, int]:
        """Every process of the cluster by name; the supervisor too."""
        document: dict[str, Any] = json.loads((self.data / "run" / "state.json").read_bytes())
        found = {component["name"]: int(component["pid"]) for component in document["components"]}
        return {"supervisor": int(document["pid"]), **found}

    def own_pids(self) -> dict[str, int]:
        """podo's own processes: without containerd."""
        return {name: pid for name, pid in self.pids().items() if not name.startswith("containerd")}

    def tls(self) -> ssl.SSLContext:
        """As the administrator."""
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        return context


@contextmanager
def place(runtime: str, nodes: int = 1) -> Iterator[Cluster]:
    """A cluster that is not started yet; away with it at the end, whatever state it is in."""
    directory = Path(tempfile.mkdtemp(prefix="podo-bench-", dir="/tmp"))
    made = Cluster(f"b{os.getpid()}-{runtime[0]}", directory, _free_port(), runtime, nodes)
    try:
        yield made
    finally:
        subprocess.run(made.command("down", "--purge"), capture_output=True, timeout=90, env=made.environment)
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running(runtime: str, nodes: int = 1) -> Iterator[Cluster]:
    with place(runtime, nodes) as cluster:
        cluster.podo(*cluster.up_arguments)
        yield cluster


def _free_port() -> int:
    first = FIRST_PORT + os.getpid() % 300  # two runs at once meet less
    for port in range(first, first + 100):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise Void("no free port")
