"""Which requests an admission policy or its binding is for (API reference: MatchResources): defaults and rules."""

from __future__ import annotations

from typing import Any

from podo.api.kinds.admissionregistration.rule_rules import (
    MATCH_POLICIES,
    OPERATIONS,
    check_rule,
    fill_in_rules,
)
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, check_choice, check_text, duplicate, not_supported
from podo.values import names

_SELECTORS = ("namespaceSelector", "objectSelector")
_RULES = ("resourceRules", "excludeResourceRules")
_MUTABLE = tuple(operation for operation in OPERATIONS if operation != "DELETE")


def fill_in_match_resources(match: dict[str, Any]) -> None:
    if match.get("matchPolicy") is None:
        match["matchPolicy"] = "Equivalent"
    for field in _SELECTORS:
        match[field] = match.get(field) or {}
    for field in _RULES:
        fill_in_rules(match.get(field))


def check_match_resources(match: dict[str, Any], path: str, found: Found) -> None:
    check_choice(f"{path}.matchPolicy", match.get("matchPolicy"), MATCH_POLICIES, found)
    for field in _SELECTORS:
        check_label_selector(match.get(field) or {}, f"{path}.{field}", found)
    for field in _RULES:
        for index, rule in enumerate(match.get(field) or ()):
            where = f"{path}.{field}[{index}]"
            _check_resource_names(rule.get("resourceNames") or [], f"{where}.resourceNames", found)
            check_rule(rule, where, found)


def check_mutable(match: dict[str, Any], path: str, found: Found) -> None:
    """Of a mutating policy or its binding: in what is deleted there is nothing to change."""
    for rule in match.get("resourceRules") or ():
        for operation in rule.get("operations") or ():
            if operation not in _MUTABLE:
                found.append(not_supported(f"{path}.resourceRules.operations", operation, _MUTABLE))


def _check_resource_names(wanted: list[str], path: str, found: Found) -> None:
    for index, name in enumerate(wanted):
        check_text(f"{path}[{index}]", name, names.path_segment, found)
        if name in wanted[:index]:
            found.append(duplicate(f"{path}[{index}]", name))
