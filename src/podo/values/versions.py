"""The order of API versions: stable ones first, newer ones before older ones, names of another form last.

Source: "Version priority" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"v([1-9]\d{0,17})(?:(alpha|beta)([1-9]\d{0,17}))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}

Priority = tuple[int, int, int, int, str]


def priority(version: str) -> Priority:
    """A sort key: ``v10``, ``v2``, ``v1``, ``v11beta2``, ``v10beta3``, ``v12alpha1``, ``foo1``, ``foo10``."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (1, 0, 0, 0, version)
    major, stage, minor = found.groups()
    return (0, _STAGES[stage], -int(major), -int(minor or 0), "")
