"""podFailurePolicy: what the failure of a pod means for its Job. Source: KEP-3329, API reference PodFailurePolicy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of


@dataclass(frozen=True, slots=True)
class Judgement:
    """``action``: "" where no rule matches. ``message`` says why a pod fails the whole Job."""

    action: str = ""
    message: str = ""

    @property
    def counts(self) -> bool:
        """Does the failure count against the limits?"""
        return self.action != "Ignore"


_PLAIN = Judgement()


def judge(job: Obj, pod: Obj) -> Judgement:
    """The first rule that matches a failed pod."""
    policy = job["spec"].get("podFailurePolicy")
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        matched = _exit(rule["onExitCodes"], pod) if rule.get("onExitCodes") else _condition(rule, pod)
        if matched:
            return Judgement(rule["action"], f"{matched} matching {rule['action']} rule at index {number}")
    return _PLAIN


def _exit(codes: dict[str, Any], pod: Obj) -> str:
    for name, code in _failed_exits(pod):
        if codes.get("containerName") not in (None, name):
            continue
        listed = code in (codes.get("values") or ())
        if listed == (codes.get("operator") == "In"):
            return f"Container {name} for pod {namespace_of(pod)}/{name_of(pod)} failed with exit code {code}"
    return ""


def _failed_exits(pod: Obj) -> Iterator[tuple[str, int]]:
    status = pod.get("status") or {}
    for each in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        ended = (each.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            yield each.get("name", ""), int(ended["exitCode"])


def _condition(rule: dict[str, Any], pod: Obj) -> str:
    for pattern in rule.get("onPodConditions") or ():
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == pattern["type"] and condition.get("status") == pattern.get("status", "True"):
                return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {pattern['type']}"
    return ""
