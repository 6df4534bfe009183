"""What a container may say of its own restarts: a policy, and rules by exit code (KEP-753, KEP-5307, KEP-5532)."""

from __future__ import annotations

from typing import Any

from podo.api.rules import Found, not_supported, required, too_many

_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")
_RULES_MAX, _VALUES_MAX = 20, 255


def check_restart(container: dict[str, Any], path: str, found: Found) -> None:
    """``restartPolicy`` and ``restartPolicyRules``; ``path`` is the container's."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None:
        if not rules:
            return
        found.append(required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy not in _POLICIES:
        found.append(not_supported(f"{path}.restartPolicy", policy, _POLICIES))
    if len(rules) > _RULES_MAX:
        found.append(too_many(f"{path}.restartPolicyRules", len(rules), _RULES_MAX))
    for index, rule in enumerate(rules):
        _check_rule(rule, f"{path}.restartPolicyRules[{index}]", found)


def _check_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    if (action := rule.get("action") or "") not in _ACTIONS:
        found.append(not_supported(f"{path}.action", action, _ACTIONS))
    if (codes := rule.get("exitCodes")) is None:
        found.append(required(f"{path}.exitCodes", "must be specified"))
        return
    if (operator := codes.get("operator") or "") not in _OPERATORS:
        found.append(not_supported(f"{path}.exitCodes.operator", operator, _OPERATORS))
    if (count := len(codes.get("values") or ())) > _VALUES_MAX:
        found.append(too_many(f"{path}.exitCodes.values", count, _VALUES_MAX))
