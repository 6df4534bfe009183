"""Runs a test body in a process with a network of its own: it may set up addresses and nftables as it likes.

A process of its own, and not a fork of the test runner: that has threads by then, and a fork of them may hang.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 300


def in_own_network(body: Callable[[], None]) -> Callable[[], None]:
    """The decorated function, which must stand in its module by its name, runs in a fresh network namespace with ``lo``
    up; the namespace goes with the process."""

    @functools.wraps(body)
    def run() -> None:
        words = ["unshare", "--net", sys.executable, "-m", "tests.live.netns", run.__module__, run.__name__]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"in its own network:\n{done.stdout}{done.stderr}"

    run.body = body  # type: ignore[attr-defined]
    return run


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    getattr(import_module(sys.argv[1]), sys.argv[2]).body()
