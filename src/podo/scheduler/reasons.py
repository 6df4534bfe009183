"""Why a node refuses a pod, as a value; the words a person reads are made from these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

NO_NODES = "no nodes available to schedule pods"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"


@dataclass(frozen=True, slots=True)
class Reason:
    """``plugin`` refused with ``text``. ``unresolvable``: no removal of other pods from the node could help.

    ``everywhere``: it is the pod's own fault, not the node's; then nodes are not counted.
    """

    plugin: str
    text: str
    unresolvable: bool = False
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """No node takes the pod.

    ``nodes``: how many there are; ``reasons``: per node, all that its first refusing plug-in said.
    """

    nodes: int
    reasons: tuple[tuple[Reason, ...], ...]
    preempts: bool = True  # spec.preemptionPolicy is not Never

    @property
    def plugins(self) -> frozenset[str]:
        return frozenset(reason.plugin for node in self.reasons for reason in node)

    def message(self) -> str:
        """The text of the condition PodScheduled and of the Event FailedScheduling."""
        if not self.nodes:
            return NO_NODES
        counts = Counter(reason for node in self.reasons for reason in node)
        whole = {reason.text for reason in counts if reason.everywhere}
        if whole:
            said = f"0/{self.nodes} nodes are available: {', '.join(sorted(whole))}."
        else:
            said = _counted(self.nodes, Counter(reason.text for reason in counts.elements()))
        return f"{said} preemption: {self._preemption()}"

    def _preemption(self) -> str:
        if not self.preempts:
            return "not eligible due to preemptionPolicy=Never."
        hopeless = sum(any(reason.unresolvable for reason in node) for node in self.reasons)
        counts = {_NOT_HELPFUL: hopeless, _NO_VICTIMS: len(self.reasons) - hopeless}
        return _counted(self.nodes, counts)


def _counted(nodes: int, counts: Mapping[str, int]) -> str:
    """``0/3 nodes are available: 1 Insufficient cpu, 2 ...``, sorted as texts with their numbers, as upstream does."""
    listed = ", ".join(sorted(f"{count} {text}" for text, count in counts.items() if count))
    return f"0/{nodes} nodes are available: {listed}."
