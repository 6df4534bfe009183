"""Numbers or percentages of a rolling update: their forms and their limits."""

from __future__ import annotations

from typing import Any

from podo.api.rules import Found, check_not_negative, invalid
from podo.values.intstr import is_percent, percent_messages


def check_share(path: str, value: Any, found: Found) -> None:
    """A number that is not negative or a percentage."""
    if value is None:
        return
    if isinstance(value, str):
        found.extend(invalid(path, value, message) for message in percent_messages(value))
    else:
        check_not_negative(path, value, found)


def check_not_more_than_all(path: str, value: Any, found: Found) -> None:
    """Not more than 100 %, where it is a percentage."""
    if is_percent(value) and int(value[:-1]) > 100:
        found.append(invalid(path, value, "must not be greater than 100%"))


def is_zero(value: Any) -> bool:
    """Is it 0 or 0%?"""
    if isinstance(value, str):
        return is_percent(value) and int(value[:-1]) == 0
    return not value
