"""PodDisruptionBudgets as preemption counts them: how many more of which pods may be disrupted."""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import namespace_of
from podo.scheduler.podinfo import PodInfo
from podo.values.selector import NOTHING, Selector, SelectorError, from_label_selector


@dataclass(frozen=True, slots=True)
class Budget:
    """``allowed`` more of the pods that it selects may be disrupted; ``disrupted``: names of those that are counted
    already. An empty selector selects nothing here, and nothing selects a pod without labels."""

    namespace: str
    selector: Selector
    allowed: int
    disrupted: frozenset[str] = frozenset()

    def covers(self, pod: PodInfo) -> bool:
        if pod.namespace != self.namespace or pod.name in self.disrupted or not pod.pod_class.labels:
            return False
        return not self.selector.everything and self.selector.matches(dict(pod.pod_class.labels))


def read(obj: Obj) -> Budget:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    try:
        selector = from_label_selector(spec.get("selector"))
    except SelectorError:
        selector = NOTHING
    allowed = int(status.get("disruptionsAllowed") or 0)
    return Budget(namespace_of(obj), selector, allowed, frozenset(status.get("disruptedPods") or ()))
