"""The fixtures, as somebody who has podo installed uses them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USERS_TEST = """
def test_fails(world):
    assert len(world.list("Node")) == 2

def test_passes(world, podo_seed):
    assert [node["metadata"]["name"] for node in world.list("Node")] == ["node-0"]
    assert world.simulation.seed == podo_seed == 5

def test_of_something_else():
    assert False
"""


def test_the_fixtures_are_there_and_a_failure_shows_its_seed(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(USERS_TEST)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "--podo-seed=5",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert done.stdout.count("seed 5: run again with --podo-seed=5") == 1
