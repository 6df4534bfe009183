"""The selectors of a list or watch as access reviews have them: requirements of a key, an operator and values.

What cannot be read is left out, and asks for more than was meant: nobody is allowed anything by that. Source:
FieldSelectorAttributes and LabelSelectorAttributes of authorization.k8s.io/v1; KEP-4601.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.kind import Obj
from podo.values import fieldselector, selector
from podo.values.fieldselector import FieldRequirement

_OPERATORS = {
    **dict.fromkeys(("=", "==", "in"), "In"),
    **dict.fromkeys(("!=", "notin"), "NotIn"),
    "exists": "Exists",
    "!": "DoesNotExist",
}


def of_fields(text: str) -> list[Obj]:
    try:
        found = fieldselector.parse(text)
    except selector.SelectorError:
        return []
    return [{"key": one.field, "operator": "In" if one.equal else "NotIn", "values": [one.value]} for one in found]


def of_labels(text: str) -> list[Obj]:
    try:
        found = selector.parse(text).requirements
    except selector.SelectorError:
        return []
    known = [(one, _OPERATORS[one.operator]) for one in found if one.operator in _OPERATORS]
    return [
        {"key": one.key, "operator": operator, **({"values": sorted(one.values)} if one.values else {})}
        for one, operator in known
    ]


def fields_text(asked: Mapping[str, Any] | None) -> str:
    """The field selector that a review asks about, as text."""
    if not asked or asked.get("rawSelector"):
        return str((asked or {}).get("rawSelector") or "")
    equal = {"In": True, "NotIn": False}
    return ",".join(
        str(FieldRequirement(str(one.get("key") or ""), str(one["values"][0]), equal[one["operator"]]))
        for one in asked.get("requirements") or ()
        if one.get("operator") in equal and len(one.get("values") or ()) == 1
    )
