"""Whether a container that ended is started again: by its own rules and policy, else by the pod's. Pure.

Source: KEP-5307 (restartPolicy and restartPolicyRules of a container).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node import podspec


def is_restarted(pod: Obj, container: Obj, exit_code: int) -> bool:
    """After it has ended so. The first of its rules that speaks of the exit code decides."""
    policy = container.get("restartPolicy")
    if policy and any(_matches(rule, exit_code) for rule in container.get("restartPolicyRules") or ()):
        return True
    policy = policy or podspec.restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def may_be_restarted(pod: Obj, container: Obj) -> bool:
    """Is there an end after which it is started again?"""
    policy = container.get("restartPolicy")
    return bool(policy and container.get("restartPolicyRules")) or (policy or podspec.restart_policy(pod)) != "Never"


def _matches(rule: Obj, exit_code: int) -> bool:
    """All rules there are ask for a restart."""
    codes = rule.get("exitCodes") or {}
    return (exit_code in (codes.get("values") or ())) is (codes.get("operator") == "In")
