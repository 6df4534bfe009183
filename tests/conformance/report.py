"""How the rows of the inventory fared: a verdict a row from what pytest says of its tests, and the sums by area."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from tests.conformance.inventory import Row

Verdict = Literal["passed", "failed", "skipped", "missing"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def verdict(row: Row, outcomes: Mapping[str, str]) -> Verdict:
    """``outcomes``: passed, failed or skipped by the node id of each test that ran, parameters included.

    A row has passed when all its tests have. A test that did not run at all is not there any more: the row has failed.
    """
    if not row.tests:
        return "missing"
    found = [_outcome(test, outcomes) for test in row.tests]
    return "failed" if "failed" in found else "skipped" if "skipped" in found else "passed"


def _outcome(test: str, outcomes: Mapping[str, str]) -> str:
    """Of a test with all its parameters: as bad as the worst."""
    of_it = {outcome for node, outcome in outcomes.items() if node == test or node.startswith(f"{test}[")}
    if not of_it or "failed" in of_it:
        return "failed"
    return "skipped" if "skipped" in of_it else "passed"


def lines(verdicts: Sequence[tuple[Row, Verdict]]) -> Iterator[str]:
    """The report: a line a row with the tests that prove it, then the sums by area and the whole sum."""
    for row, what in verdicts:
        yield f"{what:8}{row.area}: {row.name} ({row.release})"
        for test in row.tests:
            yield f"        {test}"
    yield ""
    yield from sums(verdicts)


def sums(verdicts: Sequence[tuple[Row, Verdict]]) -> Iterator[str]:
    """How many of each verdict: a line an area, then the total."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, what in verdicts:
        counts[row.group][what] += 1
    total = sum(counts.values(), Counter())
    yield f"{'area':20}" + "".join(f"{what:>9}" for what in VERDICTS) + f"{'rows':>9}"
    for area, count in [*counts.items(), ("total", total)]:
        yield f"{area:20}" + "".join(f"{count[what]:9}" for what in VERDICTS) + f"{sum(count.values()):9}"
