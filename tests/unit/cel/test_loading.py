"""The first expression of a process loads the library in pieces, between which the event loop has its turn."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

#: In a process of its own: here others may have loaded it.
SCRIPT = """
import asyncio, json, sys, time
from podo.cel.environment import Environment
from podo.cel.program import compile
from podo.lab.virtualtime import run
from podo.runtime.slices import in_slices

async def main():
    assert "cel_expr_python" not in sys.modules and "google.protobuf" not in sys.modules
    pieces = []
    environment = Environment({"self": "dyn"})
    work = [asyncio.ensure_future(in_slices(lambda: compile("self.a > 1", environment))) for _ in range(2)]
    while not all(each.done() for each in work):
        begun = time.thread_time()
        await asyncio.sleep(0)
        pieces.append(time.thread_time() - begun)
    assert all(each.result().evaluate({"self": {"a": 2}}) is True for each in work)
    return pieces

print(json.dumps((asyncio.run if sys.argv[1] == "real" else run)(main())))
"""


def pieces(time: str) -> list[float]:
    """The CPU seconds of each turn of the loop until the first two expressions were compiled, in real time or not."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, time], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    return [float(each) for each in found]


def test_others_have_their_turn_between_the_pieces() -> None:
    found = pieces("real")
    assert len(found) > 10 and max(found) < sum(found) / 2


def test_in_virtual_time_it_is_one_piece() -> None:
    found = pieces("virtual")
    assert len(found) < 10 and max(found) > sum(found) / 2
