"""The rules of a LabelSelector (API reference: LabelSelector)."""

from __future__ import annotations

from typing import Any

from podo.api.metadata_rules import check_labels
from podo.api.rules import Found, check_text, forbidden, invalid, required
from podo.values import names


def check_label_selector(selector: dict[str, Any], path: str, found: Found) -> None:
    """Its labels and its expressions."""
    check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels", found)
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        _check_expression(expression, f"{path}.matchExpressions[{index}]", found)


def _check_expression(expression: dict[str, Any], path: str, found: Found) -> None:
    operator, values = expression.get("operator"), expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            found.append(
                forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            )
    else:
        found.append(invalid(f"{path}.operator", operator or "", "not a valid selector operator"))
    check_text(f"{path}.key", expression.get("key") or "", names.qualified_name, found)
    for index, value in enumerate(values):
        check_text(f"{path}.values[{index}]", value, names.label_value, found)
