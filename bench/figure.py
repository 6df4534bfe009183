"""One line of the report: a measured value, its floor (what the machine and the libraries allow), its target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


class Void(Exception):
    """A figure cannot be trusted: an answer was wrong, or something did not end in time."""


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``. ``floor`` is in the same unit and ``floor_is`` says of what. ``wall`` and ``cpu`` are the
    seconds that the measured processes spent, over the whole measurement. ``speed``: how fast the machine was
    meanwhile (``bench.reference``), where that was measured. ``target`` is compared with the ratio to the floor where
    ``of_floor`` is set, else with the value at the reference machine's speed. ``least``: it is to be reached, not kept
    below."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    wall: float | None = None
    cpu: float | None = None
    target: float | None = None
    of_floor: bool = False
    note: str = ""
    speed: float | None = None
    least: bool = False

    @property
    def normal(self) -> float | None:
        """The value at the reference machine's speed; None where that is not known or the value is no time."""
        if self.speed is None:
            return None
        return self.value / self.speed if self.least else self.value * self.speed

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        """``ok``, ``over`` or nothing where there is no target."""
        measured = self.ratio if self.of_floor else self.value if self.normal is None else self.normal
        if self.target is None or measured is None:
            return ""
        if self.least:
            return "ok" if measured >= self.target else "under"
        return "ok" if measured <= self.target else "over"

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "normal": self.normal, "verdict": self.verdict}


HEAD = ("figure", "value", "at ref.", "floor", "ratio", "target", "", "wall s", "cpu s", "")


def lines(figures: Iterable[Figure]) -> Iterable[str]:
    """The figures as a table, line by line; the head is ``HEAD`` by ``columns``."""
    for one in figures:
        target = "" if one.target is None else f"{_short(one.target)}{' x' if one.of_floor else ''}"
        remark = "; ".join(part for part in (one.floor_is and f"floor: {one.floor_is}", one.note) if part)
        values = (f"{_short(one.value)} {one.unit}", _short(one.normal), _short(one.floor), _short(one.ratio))
        yield columns(one.name, *values, target, one.verdict, _short(one.wall), _short(one.cpu), remark)


def columns(*cells: str) -> str:
    widths = (44, 14, 9, 9, 7, 8, 5, 8, 8)
    laid = [cells[0].ljust(widths[0])]
    laid += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=False)]
    return " ".join([*laid, cells[-1]]).rstrip()


def _short(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"
