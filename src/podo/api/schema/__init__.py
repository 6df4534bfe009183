"""The schema of the API: types as data, and decoding that checks against them.

``type_of(group, version, kind)`` gives a ``Type``; ``accept`` applies it to a request's body with the wished
field validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.api.schema.mismatch import WrongType
from podo.api.schema.table import UnknownType, type_named, type_of
from podo.api.schema.types import Field, MapType, Shape, Type

__all__ = [
    "VALIDATIONS",
    "Field",
    "MapType",
    "Shape",
    "Type",
    "UnknownType",
    "Unreadable",
    "WrongType",
    "accept",
    "strict_error",
    "type_named",
    "type_of",
]

#: The values of the query parameter ``fieldValidation``; "" means Warn.
VALIDATIONS = ("Strict", "Warn", "Ignore")


class Unreadable(ApiError):
    """The BadRequest of a body that has not its kind's form. ``why``: what is wrong, without the kind."""

    def __init__(self, kind: Kind, why: str) -> None:
        what = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        super().__init__("BadRequest", f"{what}: {why}")
        self.why = why


def accept(obj: Obj, kind: Kind, validation: str = "Strict", duplicates: Sequence[str] = ()) -> list[str]:
    """Check a body against its kind's type, and bring it into the stored form in place (see ``Type.decode``).

    ``duplicates``: what ``encoding.decode`` found. Returns the warnings to send: none unless ``validation`` is Warn.
    Raises Unreadable for wrong types and, with ``Strict``, for unknown and duplicate fields.
    """
    try:
        of = kind.custom or type_of(kind.group, kind.version, kind.kind)
        problems = [*duplicates, *of.decode(obj)]
    except WrongType as wrong:
        raise Unreadable(kind, str(wrong)) from None
    if not problems or validation == "Ignore":
        return []
    if validation == "Strict":
        raise strict_error(kind, problems)
    return problems


def strict_error(kind: Kind, problems: Sequence[str]) -> ApiError:
    """The refusal of a body with unknown or duplicate fields."""
    return Unreadable(kind, f"strict decoding error: {', '.join(problems)}")
