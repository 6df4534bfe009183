"""What paths inside volumes must be like: they stay below where they start."""

from __future__ import annotations

from podo.api.rules import Found, invalid


def check_no_backsteps(path: str, value: str, found: Found) -> None:
    """``path`` is the field's, ``value`` the path that is judged."""
    if ".." in value and ".." in value.split("/"):
        found.append(invalid(path, value, "must not contain '..'"))


def check_relative(path: str, value: str, found: Found) -> None:
    """A path that stays below where it starts."""
    if value.startswith("/"):
        found.append(invalid(path, value, "must be a relative path"))
    check_no_backsteps(path, value, found)


def check_local(path: str, value: str, found: Found) -> None:
    """The path of a file in a volume: below it, and not with dots that the node uses itself."""
    check_relative(path, value, found)
    if value.startswith("..") and not value.startswith("../"):
        found.append(invalid(path, value, "must not start with '..'"))
