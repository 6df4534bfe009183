"""The real ``podo`` command, and clusters that it starts: each with a name, a data directory and a kubeconfig of its
own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.kubectl import Ended, Kubectl

#: For a busy machine.
PATIENTLY = ("--wait", "240s")
#: Nothing listens there: no test asks a registry outside this machine.
NO_REGISTRY = "http://127.0.0.1:9"
IMAGES = Path(__file__).parents[2] / "build" / "images"


def podo(*arguments: str, seconds: float = 300, **environment: str) -> Ended:
    """Run the command line to its end."""
    argv = [sys.executable, "-m", "podo", *arguments]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **environment},
    )
    return Ended(["podo", *arguments], done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Cluster:
    """``directory`` has everything of it: ``d`` is the data directory, ``kubeconfig`` the user's file."""

    name: str
    directory: Path
    port: int
    runtime: str

    @property
    def data_dir(self) -> Path:
        return self.directory / "d"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.kubeconfig, f"podo-{self.name}")

    def podo(self, verb: str, *arguments: str, seconds: float = 300) -> Ended:
        """A verb for this cluster (``image load`` is one with two words)."""
        own = ["--name", self.name, "--data-dir", str(self.data_dir)]
        return podo(*verb.split(), *own, *arguments, seconds=seconds, KUBECONFIG=str(self.kubeconfig))

    def up(self, *arguments: str) -> Ended:
        wanted = ["--port", str(self.port), "--runtime", self.runtime, *PATIENTLY, *arguments]
        ended = self.podo("up", *wanted)
        assert ended.code == 0, f"{ended}\n{self.podo('logs', '--tail', '20').out}"
        return ended

    def load_images(self, *names: str) -> None:
        ended = self.podo("image load", *(str(IMAGES / f"{name}.tar") for name in names))
        assert ended.code == 0, str(ended)

    def status(self) -> dict[str, Any]:
        ended = self.podo("status", "-o", "json")
        assert ended.out, str(ended)
        found = json.loads(ended.out)
        assert isinstance(found, dict)
        return found

    def component(self, name: str) -> dict[str, Any]:
        """What ``podo status`` says of one component."""
        found = {component["name"]: component for component in self.status()["components"]}
        assert name in found, found
        component = found[name]
        assert isinstance(component, dict)
        return component

    def remove(self) -> None:
        """Away with it, whatever state it is in."""
        ended = self.podo("down", "--purge")
        shutil.rmtree(self.directory, ignore_errors=True)
        assert ended.code in (0, 3), str(ended)  # 3: it is gone already, or never was


@contextmanager
def cluster(name: str, runtime: str = "containerd", *up: str, start: bool = True, port: int = 0) -> Iterator[Cluster]:
    """A cluster that is there for the duration of a block. Its name has the test run's at its end: on one machine the
    clusters of two runs must not be called alike."""
    name = f"{name}-{os.getpid()}"
    directory = Path(tempfile.mkdtemp(prefix=f"podo-{name}-", dir="/tmp"))
    made = Cluster(name, directory, port or free_port(), runtime)
    try:
        if start:
            made.up("--registry-mirror", NO_REGISTRY, "--no-registry-fallback", *up)
        yield made
    finally:
        made.remove()


#: Another test run on this machine begins elsewhere, and nobody here gets the port of another who has yet to use it.
_PORTS = itertools.cycle(range(first := 17440 + os.getpid() % 40 * 10, first + 400))


def free_port() -> int:
    """A port at which nothing listens now, below those that the kernel gives to clients."""
    for port in itertools.islice(_PORTS, 400):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
