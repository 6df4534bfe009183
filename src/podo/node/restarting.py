"""Whether a container may ever be started again, and whether the end of one starts all of its pod over. Pure. What
follows from one end of a container: ``podo.api.parts.restarts``.

Source: KEP-5307 (restartPolicy and restartPolicyRules of a container), KEP-5532 (RestartAllContainers).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.parts.restarts import ALL, restarts_all, rule_of
from podo.node import podspec
from podo.node.observed import Seen, is_dead
from podo.node.runtimes.contract import Container

RESTARTING = "AllContainersRestarting"


def may_be_restarted(pod: Obj, container: Obj) -> bool:
    """Is there an end after which it is started again?"""
    policy = container.get("restartPolicy")
    return bool(policy and container.get("restartPolicyRules")) or (policy or podspec.restart_policy(pod)) != "Never"


def starts_over(pod: Obj, seen: Seen) -> Container | None:
    """The container whose end asks for all of the pod to be started over."""
    for container in podspec.init_containers(pod) + podspec.containers(pod):
        last = seen.newest(container["name"]) if container.get("restartPolicyRules") else None
        if last and is_dead(last) and rule_of(container, last.exit_code).get("action") == ALL:
            return last
    return None


def condition(pod: Obj, seen: Seen) -> dict[str, dict[str, str]]:
    """AllContainersRestarting, by its type; none for a pod that is never started over."""
    if not any(map(restarts_all, podspec.init_containers(pod) + podspec.containers(pod))):
        return {}
    if starts_over(pod, seen) is None:
        return {RESTARTING: {"status": "False"}}
    why = {"reason": "RestartAllContainersStarted", "message": "container exited with restart policy rule"}
    return {RESTARTING: {"status": "True", **why}}
