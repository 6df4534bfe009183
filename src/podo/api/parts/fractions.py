"""Amounts of bytes that are no whole number: accepted, but a client is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from podo.values import quantity

_may_be_fraction = re.compile("[.nume]").search
BYTES = ("memory", "ephemeral-storage")


def warnings(resources: Mapping[str, Any], names: Iterable[str], path: str) -> list[str]:
    """``resources``: limits and requests, which are valid quantities by the resource's name."""
    found = []
    for field in ("limits", "requests"):
        if amounts := resources.get(field):
            found += of_amounts(amounts, names, f"{path}.{field}")
    return found


def of_amounts(amounts: Mapping[str, Any], names: Iterable[str], path: str) -> list[str]:
    found = []
    for name in names:
        text = amounts.get(name)
        if text and _may_be_fraction(str(text)) and quantity.parse(str(text)).millis % 1000:
            shown = quantity.canonical(str(text))
            found.append(f'{path}[{name}]: fractional byte value "{shown}" is invalid, must be an integer')
    return found
