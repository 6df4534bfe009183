"""kubectl as its users run it, a process a command. What it says on its error output voids the measurement: a client
of a healthy cluster sees no warning, no retry and no timeout."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.cluster import Cluster
from bench.figure import Void

KUBECTL = Path(__file__).parents[1] / "build" / "bin" / "kubectl"


def kubectl(cluster: Cluster, *arguments: str, seconds: float) -> str:
    """What it prints; it has ``seconds`` for it."""
    if not KUBECTL.exists():
        raise Void("there is no kubectl in build/bin (make setup)")
    try:
        done = subprocess.run(
            [str(KUBECTL), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=cluster.environment,
        )
    except subprocess.TimeoutExpired:
        raise Void(f"kubectl {' '.join(arguments)}: not done after {seconds:.0f} s") from None
    if done.returncode or done.stderr:
        raise Void(f"kubectl {' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
