"""When the failure of a pod fails a Job, and the success of some indexes is enough: what a podFailurePolicy and a
successPolicy must be like (API reference: PodFailurePolicy, SuccessPolicy)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.indexes import IndexesError, parse
from podo.api.rules import (
    Found,
    check_not_negative,
    check_text,
    check_unique,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    wrong,
)
from podo.values import names

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_MOST_RULES = 20
_MOST_CODES = 255
_LONGEST_INDEXES = 64 * 1024
INDEXED = "requires indexed completion mode"


def check_failure_policy(spec: dict[str, Any], policy: dict[str, Any], path: str, found: Found) -> None:
    rules = policy.get("rules") or ()
    if len(rules) > _MOST_RULES:
        found.append(too_many(f"{path}.rules", len(rules), _MOST_RULES))
    pod = (spec.get("template") or {}).get("spec") or {}
    known = {c.get("name") for field in ("containers", "initContainers") for c in pod.get(field) or ()}
    for index, rule in enumerate(rules):
        where, action = f"{path}.rules[{index}]", rule.get("action")
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            found.append(invalid(f"{where}.action", action, "requires the backoffLimitPerIndex to be set"))
        _check_word(action, _ACTIONS, f"{where}.action", found)
        _check_failure_rule(rule, known, where, found)


def _check_failure_rule(rule: dict[str, Any], known: set[Any], path: str, found: Found) -> None:
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if codes is not None:
        _check_codes(codes, known, f"{path}.onExitCodes", found)
    if len(conditions) > _MOST_RULES:
        found.append(too_many(f"{path}.onPodConditions", len(conditions), _MOST_RULES))
    for number, pattern in enumerate(conditions):
        at = f"{path}.onPodConditions[{number}]"
        check_text(f"{at}.type", pattern.get("type") or "", names.qualified_name, found)
        _check_word(pattern.get("status"), ("False", "True", "Unknown"), f"{at}.status", found)
    if codes is not None and conditions:
        found.append(wrong(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    elif codes is None and not conditions:
        found.append(wrong(path, "specifying one of OnExitCodes and OnPodConditions is required"))


def _check_word(word: str | None, words: tuple[str, ...], path: str, found: Found) -> None:
    if not word:
        listed = " ".join(f'"{one}"' for one in words)
        found.append(required(path, f"valid values: [{listed}]"))
    elif word not in words:
        found.append(not_supported(path, word, words))


def _check_codes(codes: dict[str, Any], known: set[Any], path: str, found: Found) -> None:
    operator, values = codes.get("operator"), list(codes.get("values") or ())
    _check_word(operator, ("In", "NotIn"), f"{path}.operator", found)
    if (name := codes.get("containerName")) is not None and name not in known:
        why = "must be one of the container or initContainer names in the pod template"
        found.append(invalid(f"{path}.containerName", name, why))
    if not values:
        found.append(invalid(f"{path}.values", values, "at least one value is required"))
    elif len(values) > _MOST_CODES:
        found.append(too_many(f"{path}.values", len(values), _MOST_CODES))
    seen: set[int] = set()
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            found.append(invalid(f"{path}.values[{index}]", value, "must not be 0 for the In operator"))
        check_unique(f"{path}.values[{index}]", value, seen, found)
    if values != sorted(values):
        found.append(invalid(f"{path}.values", values, "must be ordered"))


def check_success_policy(spec: dict[str, Any], policy: dict[str, Any], path: str, found: Found) -> None:
    if spec.get("completionMode") != "Indexed":
        found.append(invalid(path, policy, INDEXED))
        return
    rules = policy.get("rules") or ()
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        found.append(required(f"{path}.rules", why))
    if len(rules) > _MOST_RULES:
        found.append(too_many(f"{path}.rules", len(rules), _MOST_RULES))
    for index, rule in enumerate(rules):
        _check_success_rule(rule, spec.get("completions") or 0, f"{path}.rules[{index}]", found)


def _check_success_rule(rule: dict[str, Any], completions: int, path: str, found: Found) -> None:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and text is None:
        found.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    listed = 0
    if text is not None:
        if len(text) > _LONGEST_INDEXES:
            found.append(too_long(f"{path}.succeededIndexes", _LONGEST_INDEXES))
        try:
            listed = len(parse(text, completions))
        except IndexesError as problem:
            found.append(invalid(f"{path}.succeededIndexes", text, f"error parsing succeededIndexes: {problem}"))
    if count is None:
        return
    check_not_negative(f"{path}.succeededCount", count, found)
    limits = [(completions, "specified completions")]
    if text is not None:
        limits.append((listed, "indexes in the specified succeededIndexes field"))
    for most, what in limits:
        if count > most:
            why = f"must be less than or equal to {most} (the number of {what})"
            found.append(invalid(f"{path}.succeededCount", count, why))
