"""A profile: the plug-ins that judge the pods of one schedulerName, with their weights."""

from __future__ import annotations

from dataclasses import dataclass

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
class Profile:
    """``filters``: in the order in which they are asked; the first that refuses a node says why."""

    name: str
    filters: tuple[Filter, ...]
    scores: tuple[tuple[Score, int], ...]
    wide_scores: tuple[tuple[WideScore, int], ...]
    preempts: bool = True

    @property
    def local_filters(self) -> tuple[Filter, ...]:
        return tuple(each for each in self.filters if not each.wide)

    @property
    def wide_filters(self) -> tuple[Filter, ...]:
        return tuple(each for each in self.filters if each.wide)

    @property
    def wakes(self) -> dict[str, frozenset[ClusterEvent]]:
        """By plug-in, the events after which a pod that it refused is tried again."""
        return {each.name: each.wakes for each in self.filters}


def default_profile(name: str = DEFAULT_NAME) -> Profile:
    """The plug-ins and weights of kube-scheduler's default profile."""
    taints, affinity, fit = TaintToleration(), NodeAffinity(), NodeResourcesFit()
    spread, pods = PodTopologySpread(), InterPodAffinity()
    first = (VolumeBinding(), DynamicResources())  # the same for most nodes: asked first
    volumes = (VolumeRestrictions(), NodeVolumeLimits(), VolumeZone())
    return Profile(
        name,
        (*first, NodeUnschedulable(), NodeName(), taints, affinity, NodePorts(), fit, *volumes, spread, pods),
        ((taints, 3), (affinity, 2), (fit, 1), (BalancedAllocation(), 1)),
        ((spread, 2), (pods, 2), (ImageLocality(), 1)),
    )
