"""Amounts of bytes that are no whole number: accepted, but a client is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from podo.values import quantity

_may_be_fraction = re.compile("[.nume]").search
BYTES = ("memory", "ephemeral-storage")


def warnings(amounts: Mapping[str, Any] | None, names: Iterable[str], path: str) -> list[str]:
    """``amounts``: valid quantities by the resource's name."""
    found = []
    for name in names if amounts else ():
        text = str((amounts or {}).get(name) or "")
        if _may_be_fraction(text) and quantity.parse(text).millis % 1000:
            shown = quantity.canonical(text)
            found.append(f'{path}[{name}]: fractional byte value "{shown}" is invalid, must be an integer')
    return found
