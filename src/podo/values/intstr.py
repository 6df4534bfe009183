"""An int-or-string field: a number, or a percentage of something (``maxUnavailable: 25%``), or a port's name."""

from __future__ import annotations

import re
from typing import Any

_percent = re.compile("[0-9]+%", re.ASCII).fullmatch
_MAX_TEXT = 12

PERCENT_WRONG = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


class IntOrStringError(ValueError):
    """The value is neither a number nor a percentage."""


def is_percent(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT and _percent(value) is not None


def percent_messages(value: Any) -> list[str]:
    """What is wrong with a value that must be a whole number or a percentage."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ["must be an integer or percentage (e.g '5%')"]
    return [PERCENT_WRONG] if isinstance(value, str) and not is_percent(value) else []


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """The number itself, or the percentage of ``total`` rounded up or down. Raises IntOrStringError."""
    if isinstance(value, int):
        return value
    if not is_percent(value):
        raise IntOrStringError("invalid value for IntOrString: invalid type: string is not a percentage")
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100
