"""Whether a container of a pod runs again after it has ended: by its own rules and policy, else by the pod's (KEP-753,
KEP-5307, KEP-5532). Nodes ask when it ends, the API server of a status that says it runs again."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]
#: The action of a rule by which all containers of the pod start over.
ALL = "RestartAllContainers"


def is_restarted(spec: Spec, container: Spec, code: int) -> bool:
    """After it has ended with the exit ``code``, alone or with all others. The first of its rules that speaks of the
    code decides."""
    if rule_of(container, code):
        return True
    policy = container.get("restartPolicy") or spec.get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def rule_of(container: Spec, code: int) -> Spec:
    """The first rule that speaks of the exit code, {} for none; all there are ask for a restart."""
    if not container.get("restartPolicy"):
        return {}
    return next((rule for rule in container.get("restartPolicyRules") or () if _matches(rule, code)), {})


def may_restart(spec: Spec, field: str, name: str | None, code: int) -> bool:
    """By its own end or another's. ``field``: the pod's list that the container is in ("containers", "initContainers";
    "" for ephemeral ones, which never do)."""
    if not field:
        return False
    if any(restarts_all(each) for part in ("containers", "initContainers") for each in spec.get(part) or ()):
        return True
    container = next((each for each in spec.get(field) or () if each.get("name") == name), None)
    return container is not None and is_restarted(spec, container, code)


def restarts_all(container: Spec) -> bool:
    """Is there an end of it after which all containers of the pod start over?"""
    return any(rule.get("action") == ALL for rule in container.get("restartPolicyRules") or ())


def _matches(rule: Spec, code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    return (code in (codes.get("values") or ())) is (codes.get("operator") == "In")
