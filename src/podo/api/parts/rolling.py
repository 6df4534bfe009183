"""Numbers or percentages of a rolling update: their forms and their limits."""

from __future__ import annotations

from typing import Any

from podo.api.rules import Found, check_not_negative, invalid
from podo.values.intstr import is_percent, percent_messages


def check_share(path: str, value: Any, found: Found, most_percent: int | None = None) -> None:
    """A number that is not negative or a percentage, at most ``most_percent`` where that is given."""
    if value is None:
        return
    if isinstance(value, str):
        found.extend(invalid(path, value, message) for message in percent_messages(value))
        if most_percent is not None and is_percent(value) and int(value[:-1]) > most_percent:
            found.append(invalid(path, value, f"must not be greater than {most_percent}%"))
    else:
        check_not_negative(path, value, found)


def is_zero(value: Any) -> bool:
    """Is it 0 or 0%?"""
    if isinstance(value, str):
        return is_percent(value) and int(value[:-1]) == 0
    return not value
