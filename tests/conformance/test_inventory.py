"""The table of the conformance inventory is whole, and every test that it names exists."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from tests.conformance.inventory import Row, node_ids, rows
from tests.conformance.report import sums, verdict

ROOT = Path(__file__).parents[2]
#: Of upstream's inventory for 1.37.
ROWS = 446


@cache
def functions(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_no_row_is_lost() -> None:
    assert len(rows()) == ROWS
    assert sum(len(rows(area)) for area in {row.group for row in rows()}) >= ROWS
    assert rows("network/dns") and rows("no/such/area") == []


def test_every_test_is_there() -> None:
    absent = []
    for test in node_ids(rows()):
        file, _, function = test.partition("::")
        if function.partition("[")[0] not in functions(file):
            absent.append(test)
    assert absent == [], "tests/conformance/inventory.tsv names tests that do not exist"


def test_every_parameter_is_there() -> None:
    wanted = [test for test in node_ids(rows()) if test.endswith("]")]
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", *wanted]
    done = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_tests_of_a_file_are_run_together() -> None:
    files = [test.partition("::")[0] for test in node_ids(rows())]
    assert len(list(groupby(files))) == len(set(files)) > 1


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"a.py::test_x": "passed", "a.py::test_y[1]": "passed", "a.py::test_y[2]": "passed"}, "passed"),
        ({"a.py::test_x": "passed", "a.py::test_y[1]": "passed", "a.py::test_y[2]": "failed"}, "failed"),
        ({"a.py::test_x": "skipped", "a.py::test_y[1]": "passed"}, "skipped"),
        ({"a.py::test_x": "passed", "a.py::test_yes": "passed"}, "failed"),
        ({}, "failed"),
    ],
)
def test_a_row_is_as_good_as_the_worst_of_its_tests(outcomes: dict[str, str], expected: str) -> None:
    row = Row("sig-apps", "apps/job", "Job", "v1.9", ("a.py::test_x", "a.py::test_y"))
    assert verdict(row, outcomes) == expected


def test_what_no_test_shows_is_missing_and_counted() -> None:
    row = Row("sig-apps", "apps/job", "Job", "v1.9", ())
    assert verdict(row, {"a.py::test_x": "failed"}) == "missing"
    assert [line.split()[-2:] for line in sums([(row, "missing")])][1:] == [["1", "1"], ["1", "1"]]
