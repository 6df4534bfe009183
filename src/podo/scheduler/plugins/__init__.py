"""The plug-ins in the order in which they are asked. The first filter that refuses a node says why."""

from __future__ import annotations

from podo.scheduler.plugins.balancedallocation import BalancedAllocation
from podo.scheduler.plugins.contract import Filter, Score
from podo.scheduler.plugins.nodeaffinity import NodeAffinity
from podo.scheduler.plugins.nodename import NodeName
from podo.scheduler.plugins.nodeports import NodePorts
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.plugins.nodeunschedulable import NodeUnschedulable
from podo.scheduler.plugins.notsupported import NotSupported
from podo.scheduler.plugins.tainttoleration import TaintToleration
from podo.scheduler.plugins.volumebinding import VolumeBinding

_taints, _affinity, _fit = TaintToleration(), NodeAffinity(), NodeResourcesFit()

_waiting = (NotSupported(), VolumeBinding())  # the same for every node: asked first
FILTERS: tuple[Filter, ...] = (*_waiting, NodeUnschedulable(), NodeName(), _taints, _affinity, NodePorts(), _fit)
SCORES: tuple[Score, ...] = (_taints, _affinity, _fit, BalancedAllocation())
