"""A profile: the plug-ins that judge the pods of one schedulerName, with their weights."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from podo.scheduler.plugins.balancedallocation import BalancedAllocation
from podo.scheduler.plugins.contract import ClusterEvent, Filter, Score, WideScore
from podo.scheduler.plugins.dynamicresources import DynamicResources
from podo.scheduler.plugins.imagelocality import ImageLocality
from podo.scheduler.plugins.interpodaffinity import InterPodAffinity
from podo.scheduler.plugins.nodeaffinity import NodeAffinity
from podo.scheduler.plugins.nodename import NodeName
from podo.scheduler.plugins.nodeports import NodePorts
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.plugins.nodeunschedulable import NodeUnschedulable
from podo.scheduler.plugins.nodevolumelimits import NodeVolumeLimits
from podo.scheduler.plugins.podtopologyspread import PodTopologySpread
from podo.scheduler.plugins.tainttoleration import TaintToleration
from podo.scheduler.plugins.volumebinding import VolumeBinding
from podo.scheduler.plugins.volumerestrictions import VolumeRestrictions
from podo.scheduler.plugins.volumezone import VolumeZone

DEFAULT_NAME = "default-scheduler"


@dataclass(frozen=True, slots=True)
class Candidates:
    """How many nodes preemption chooses from: so many percent of those where it might help, but at least ``least``."""

    percent: int = 10
    least: int = 100


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that binding a pod's volumes may take, and that its devices may take to become ready."""

    volumes: float = 600.0
    devices: float = 600.0


@dataclass(frozen=True, slots=True)
class Profile:
    """``filters``: in the order in which they are asked; the first that refuses a node says why. ``preemption``: None
    where no room is made."""

    name: str
    filters: tuple[Filter, ...]
    scores: tuple[tuple[Score, int], ...]
    wide_scores: tuple[tuple[WideScore, int], ...]
    preemption: Candidates | None = Candidates()
    patience: Patience = Patience()

    @property
    def preempts(self) -> bool:
        return self.preemption is not None

    @property
    def local_filters(self) -> tuple[Filter, ...]:
        return tuple(each for each in self.filters if not each.wide)

    @property
    def wide_filters(self) -> tuple[Filter, ...]:
        return tuple(each for each in self.filters if each.wide)

    def filter_named(self, name: str) -> Filter | None:
        return next((each for each in self.filters if each.name == name), None)

    @property
    def wakes(self) -> dict[str, frozenset[ClusterEvent]]:
        """By plug-in, the events after which a pod that it refused is tried again."""
        return {each.name: each.wakes for each in self.filters}


#: Every plug-in, to be made with or without arguments, in the order in which upstream asks filters.
FACTORIES: dict[str, Callable[[], Any]] = {
    "NodeUnschedulable": NodeUnschedulable,
    "NodeName": NodeName,
    "TaintToleration": TaintToleration,
    "NodeAffinity": NodeAffinity,
    "NodePorts": NodePorts,
    "NodeResourcesFit": NodeResourcesFit,
    "VolumeRestrictions": VolumeRestrictions,
    "NodeVolumeLimits": NodeVolumeLimits,
    "VolumeBinding": VolumeBinding,
    "VolumeZone": VolumeZone,
    "PodTopologySpread": PodTopologySpread,
    "InterPodAffinity": InterPodAffinity,
    "DynamicResources": DynamicResources,
    "NodeResourcesBalancedAllocation": BalancedAllocation,
    "ImageLocality": ImageLocality,
}
#: Those that score, with their weights.
WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "DynamicResources": 2,
    "NodeResourcesBalancedAllocation": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "ImageLocality": 1,
}
PREEMPTION = "DefaultPreemption"
_WIDE_SCORES = frozenset({"PodTopologySpread", "InterPodAffinity", "ImageLocality", "DynamicResources"})
_ONLY_SCORE = frozenset({"NodeResourcesBalancedAllocation", "ImageLocality"})


def default_profile(name: str = DEFAULT_NAME) -> Profile:
    """The plug-ins and weights of kube-scheduler's default profile."""
    made = {each: make() for each, make in FACTORIES.items()}
    return assembled(name, made, FACTORIES.keys(), WEIGHTS)


def assembled(
    name: str,
    made: Mapping[str, Any],
    filters: Container[str],
    weights: Mapping[str, int],
    preemption: Candidates | None = Candidates(),
) -> Profile:
    """``made``: all plug-ins; ``filters`` and ``weights``: which of them filter and score.
    ``preemption``: None for none."""
    return Profile(
        name,
        tuple(made[each] for each in FACTORIES if each in filters and each not in _ONLY_SCORE),
        tuple((made[each], weight) for each, weight in weights.items() if each not in _WIDE_SCORES),
        tuple((made[each], weight) for each, weight in weights.items() if each in _WIDE_SCORES),
        preemption,
    )
