"""``python -m tests.conformance [AREA]`` runs the tests that prove rows of the inventory, and says which row has one.

Exit code 0 where no test failed, 1 where one did, 2 for an area that is none. ``--list`` only lists what there is.
"""

from __future__ import annotations

import argparse
import sys

import pytest

from tests.conformance import report
from tests.conformance.inventory import Row, node_ids, rows

NO_SUCH_AREA = 2


class Outcomes:
    """A pytest plug-in that keeps what came of each test. Set-up and tear-down count too."""

    def __init__(self) -> None:
        self.by_node: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self.by_node.get(report.nodeid, "")
        if report.when == "call" or report.outcome != "passed":
            self.by_node[report.nodeid] = "failed" if before == "failed" else report.outcome


def run(chosen: list[Row]) -> dict[str, str]:
    """What came of the tests of these rows, by node id."""
    outcomes = Outcomes()
    if tests := node_ids(chosen):
        pytest.main(["-q", "-rs", "--continue-on-collection-errors", *tests], plugins=[outcomes])
    return outcomes.by_node


def listed(chosen: list[Row]) -> int:
    for row in chosen:
        print(f"{row.area}: {row.name} ({row.release}): {' '.join(row.tests) or 'missing'}")
    shown = sum(1 for row in chosen if row.tests)
    print(f"\n{shown} of {len(chosen)} rows have a test")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("area", nargs="?", default="", help="only areas that begin so: apps, network/dns")
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    chosen = rows(options.area)
    if not chosen:
        print(f"no row of the inventory is of the area {options.area!r}", file=sys.stderr)
        return NO_SUCH_AREA
    if options.list:
        return listed(chosen)
    outcomes = run(chosen)
    verdicts = [(row, report.verdict(row, outcomes)) for row in chosen]
    print("\n".join(report.lines(verdicts)))
    return int(any(what == "failed" for _, what in verdicts))


if __name__ == "__main__":
    sys.exit(main())
