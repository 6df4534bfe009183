"""The table that maps each row of the official conformance inventory to the tests that prove the same behaviour.

``inventory.tsv`` has a row a line and five columns: the special interest group, the area (the upstream file), the name
of the behaviour, the releases that brought or changed it, and the node ids of podo's tests with a space between them
(``-``: none yet). Names and releases are facts of upstream's conformance.yaml; order and number of rows are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "inventory.tsv"
NONE = "-"


@dataclass(frozen=True)
class Row:
    """``tests``: pytest node ids, relative to the root of the repository; none where no test shows the behaviour."""

    sig: str
    area: str
    name: str
    release: str
    tests: tuple[str, ...]

    @property
    def group(self) -> str:
        """The area without its last part: ``apps`` of ``apps/job``, ``common/node`` of ``common/node/pods``."""
        return self.area.rpartition("/")[0]


def rows(area: str = "") -> list[Row]:
    """All rows, or those whose area begins with ``area`` (``apps``, ``network/dns``)."""
    return [row for row in _all() if row.area.startswith(area)]


def _all() -> Iterator[Row]:
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        columns = line.split("\t")
        if len(columns) != 5 or not all(columns):
            raise ValueError(f"{TABLE.name}:{number}: not five columns with a tab between them")
        sig, area, name, release, tests = columns
        yield Row(sig, area, name, release, () if tests == NONE else tuple(tests.split(" ")))


def node_ids(chosen: list[Row]) -> list[str]:
    """Every node id of the rows once, in the order of the table but each file's together: pytest keeps the order, and
    would set up what a file's tests share again and again."""
    found = dict.fromkeys(test for row in chosen for test in row.tests)
    files = list(dict.fromkeys(test.partition("::")[0] for test in found))
    return sorted(found, key=lambda test: files.index(test.partition("::")[0]))
