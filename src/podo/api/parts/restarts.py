"""Whether a container of a pod runs again after it has ended (KEP-753, KEP-5307, KEP-5532)."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def may_restart(spec: Spec, field: str, name: str | None, code: int) -> bool:
    """``field``: the pod's list that the container is in ("containers", "initContainers"; "" for ephemeral ones, which
    never do). ``code``: its exit code."""
    if not field:
        return False
    if any(_restarts_all(each) for part in ("containers", "initContainers") for each in spec.get(part) or ()):
        return True
    container = next((each for each in spec.get(field) or () if each.get("name") == name), None)
    if container is None:
        return False
    own = container.get("restartPolicy")
    rule = next((one for one in container.get("restartPolicyRules") or () if _matches(one, code)), None)
    if own and rule is not None and rule.get("action") == "Restart":
        return True
    policy = own or spec.get("restartPolicy")
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _matches(rule: Spec, code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    return (code in (codes.get("values") or ())) == (codes.get("operator") == "In")


def _restarts_all(container: Spec) -> bool:
    return any(rule.get("action") == "RestartAllContainers" for rule in container.get("restartPolicyRules") or ())
