"""What decoding says when a value has the wrong type: the wording of Go's JSON decoder, which clients know."""

from __future__ import annotations

from typing import Any

_NAMES: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}


def name_of(value: Any) -> str:
    """``string``, ``number`` ... as Go's JSON decoder calls a value."""
    return _NAMES.get(type(value), "null")


class WrongType(ValueError):
    """A value that its field cannot hold. The objects around it, through which it is raised, add where it stands."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__()
        self._found = found
        self._wanted = wanted
        self._struct = ""
        self._path: list[str] = []

    def inside(self, struct: str, key: str) -> None:
        """It stands in the member ``key`` of an object of type ``struct``."""
        self._struct = self._struct or struct
        self._path.append(key)

    def __str__(self) -> str:
        if not self._struct:
            return f"json: cannot unmarshal {self._found} into Go value of type {self._wanted}"
        field = ".".join([self._struct, *reversed(self._path)])
        return f"json: cannot unmarshal {self._found} into Go struct field {field} of type {self._wanted}"


class BadValue(WrongType):
    """A text that its field's type cannot read, such as a malformed quantity: only the reason is shown, as upstream."""

    def __init__(self, why: str) -> None:
        super().__init__("", "")
        self._why = why

    def __str__(self) -> str:
        return self._why
