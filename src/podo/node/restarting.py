"""Whether a container that ended is started again: by its own rules and policy, else by the pod's; and whether all of
its pod are with it. Pure.

Source: KEP-5307 (restartPolicy and restartPolicyRules of a container), KEP-5532 (RestartAllContainers).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.observed import Seen, is_dead
from podo.node.runtimes.contract import Container

ALL = "RestartAllContainers"
RESTARTING = "AllContainersRestarting"


def is_restarted(pod: Obj, container: Obj, exit_code: int) -> bool:
    """After it has ended so, alone or with all others. The first of its rules that speaks of the exit code decides."""
    if _rule(container, exit_code):
        return True
    policy = container.get("restartPolicy") or podspec.restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def may_be_restarted(pod: Obj, container: Obj) -> bool:
    """Is there an end after which it is started again?"""
    policy = container.get("restartPolicy")
    return bool(policy and container.get("restartPolicyRules")) or (policy or podspec.restart_policy(pod)) != "Never"


def starts_over(pod: Obj, seen: Seen) -> Container | None:
    """The container whose end asks for all of the pod to be started over."""
    for container in podspec.init_containers(pod) + podspec.containers(pod):
        last = seen.newest(container["name"]) if container.get("restartPolicyRules") else None
        if last and is_dead(last) and _rule(container, last.exit_code).get("action") == ALL:
            return last
    return None


def condition(pod: Obj, seen: Seen) -> dict[str, dict[str, str]]:
    """AllContainersRestarting, by its type; none for a pod that is never started over."""
    containers = podspec.init_containers(pod) + podspec.containers(pod)
    if not any(rule.get("action") == ALL for each in containers for rule in each.get("restartPolicyRules") or ()):
        return {}
    if starts_over(pod, seen) is None:
        return {RESTARTING: {"status": "False"}}
    why = {"reason": "RestartAllContainersStarted", "message": "container exited with restart policy rule"}
    return {RESTARTING: {"status": "True", **why}}


def _rule(container: Obj, exit_code: int) -> Obj:
    """The first that speaks of the exit code; all there are ask for a restart."""
    if not container.get("restartPolicy"):
        return {}
    return next((rule for rule in container.get("restartPolicyRules") or () if _matches(rule, exit_code)), {})


def _matches(rule: Obj, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    return (exit_code in (codes.get("values") or ())) is (codes.get("operator") == "In")
