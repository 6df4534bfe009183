"""The floor server (``bench.floor``) as a process beside a cluster, with the cluster's certificates."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import Cluster
from bench.figure import Void


@dataclass(frozen=True)
class Floor:
    pid: int
    port: int
    start_seconds: float


@contextmanager
def floor(cluster: Cluster) -> Iterator[Floor]:
    pki = cluster.pki
    files = [str(pki / "apiserver.crt"), str(pki / "apiserver.key"), str(pki / "ca.crt"), str(cluster.directory)]
    (cluster.directory / "floor.db").unlink(missing_ok=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.floor", *files], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Void("the floor server did not start")
        yield Floor(process.pid, int(line), time.monotonic() - began)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
