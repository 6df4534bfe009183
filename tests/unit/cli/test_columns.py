"""Tables and ages of the command line."""

from __future__ import annotations

import pytest

from podo.cli.output.columns import age, table


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    lines = table(("A", "LONG"), [("wider", 1), ("x", 22)]).splitlines()
    assert [line.split() for line in lines] == [["A", "LONG"], ["wider", "1"], ["x", "22"]]
    assert len({line.index(word) for line, word in zip(lines, ("LONG", "1", "22"), strict=True)}) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0, "0s"), (59.9, "59s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text
