"""The rules of a schema (x-kubernetes-validations): expressions in CEL that an object must fulfil."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.rules import Found
from podo.api.structural.walking import Schema


class Rules:
    """All rules of a schema. ``some``: are there any?"""

    def __init__(self, schema: Schema) -> None:
        self.some = False

    def problems(self, new: Obj, old: Obj | None) -> Found:
        return []

    def definition_problems(self, path: str) -> Found:
        """What is wrong with the rules themselves."""
        return []
