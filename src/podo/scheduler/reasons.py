"""Why a node refuses a pod, as a value; the words a person reads are made from these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

#: What may come of preemption where no node is looked at.
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."
NO_CANDIDATES = "no candidate node for preemption"
NO_NODES = "no nodes available to schedule pods"


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

    ``nodes``: how many there are; ``reasons``: by node, all that its first refusing plug-in said; ``counts``: how many
    nodes say each. ``preemption``: what came of the attempt to make room; "" where none was made, or room is being
    made. ``claims``: what came of freeing claims, where the pod uses some.
    """

    nodes: int
    reasons: Mapping[str, tuple[Reason, ...]]
    counts: Mapping[Reason, int]
    preemption: str = ""
    claims: str = ""

    @property
    def keeps_room(self) -> bool:
        """Was no other node looked for than the one that the pod has been given a place on, if any?"""
        return self.preemption in (NEVER, TERMINATING, NO_CANDIDATES)

    @property
    def plugins(self) -> frozenset[str]:
        return frozenset(reason.plugin for reason in self.counts)

    def message(self) -> str:
        """The text of the condition PodScheduled and of the Event FailedScheduling."""
        if not self.nodes:
            return NO_NODES
        whole = {reason.text for reason in self.counts if reason.everywhere}
        if whole:
            said = f"0/{self.nodes} nodes are available: {', '.join(sorted(whole))}."
        else:
            by_text: Counter[str] = Counter()
            for reason, count in self.counts.items():
                by_text[reason.text] += count
            said = counted(self.nodes, by_text)
        tried = [each for each in (self.claims, self.preemption and f"preemption: {self.preemption}") if each]
        return f"{said} {', '.join(tried)}" if tried else said


def counted(nodes: int, counts: Mapping[str, int]) -> str:
    """For example ``0/3 nodes are available: 1 Insufficient cpu, 2 ...``, sorted as texts with their numbers."""
    listed = ", ".join(sorted(f"{count} {text}" for text, count in counts.items() if count))
    return f"0/{nodes} nodes are available: {listed}."
