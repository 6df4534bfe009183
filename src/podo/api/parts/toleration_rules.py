"""What tolerations must be like (API reference: Toleration; KEP-5471 for the operators Lt and Gt)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from podo.api.rules import Found, check_text, invalid, not_supported
from podo.values import names

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_COMPARING = ("Lt", "Gt")
_is_canonical = re.compile("0|-?[1-9][0-9]*", re.ASCII).fullmatch
_LARGEST = 2**63


def check_tolerations(tolerations: Iterable[dict[str, Any]], path: str, found: Found) -> None:
    for index, toleration in enumerate(tolerations):
        _check_toleration(toleration, f"{path}[{index}]", found)


def _check_toleration(toleration: dict[str, Any], path: str, found: Found) -> None:
    key, operator, effect = (toleration.get(field) or "" for field in ("key", "operator", "effect"))
    if key:
        check_text(f"{path}.key", key, names.qualified_name, found)
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(invalid(f"{path}.operator", operator, why))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        found.append(invalid(f"{path}.effect", effect, why))
    _check_value(operator, toleration.get("value") or "", path, found)
    if effect and effect not in _EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, _EFFECTS))


def _check_value(operator: str, value: str, path: str, found: Found) -> None:
    if operator in ("", "Equal"):
        if wrong := names.label_value(value):
            found.append(invalid(f"{path}.operator", value, ";".join(wrong)))
    elif operator == "Exists":
        if value:
            found.append(invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'"))
    elif operator in _COMPARING:
        if not _is_canonical(value):
            why = "must be a valid decimal integer in canonical form" if value else "must be non-empty"
            found.append(invalid(f"{path}.value", value, why))
        elif not -_LARGEST <= int(value) < _LARGEST:
            found.append(invalid(f"{path}.value", value, f'strconv.ParseInt: parsing "{value}": value out of range'))
    else:
        found.append(not_supported(f"{path}.operator", operator, ("Equal", "Exists")))
