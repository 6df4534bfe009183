"""Where a DaemonSet's pods belong: which nodes must have one, which may keep one, and what such a pod is like."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.apps.daemonset import TEMPLATE_GENERATION
from podo.api.meta import annotations_of, is_deleting, name_of
from podo.api.parts.nodeselector import REQUIRED, allows
from podo.api.parts.tolerations import tolerates
from podo.controllers.podstate import is_finished
from podo.controllers.replicaset import pod_for
from podo.controllers.revisions import HASH

_PREFIX = "node.kubernetes.io/"
_TOLERATED: tuple[tuple[str, str], ...] = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
_NETWORK = ("network-unavailable", "NoSchedule")
GENERATION = "pod-template-generation"


@dataclass(frozen=True, slots=True)
class Fit:
    """``runs``: the node must have a pod. ``stays``: a pod that is there may go on."""

    runs: bool
    stays: bool


def fit(daemonset: Obj, node: Obj) -> Fit:
    """Does the node get a pod? By name, selector and affinity, then taints; resources are the scheduler's question."""
    spec = daemonset["spec"]["template"]["spec"]
    if spec.get("nodeName") and spec["nodeName"] != name_of(node):
        return Fit(False, False)
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    if not allows(spec.get("nodeSelector") or {}, affinity, node["metadata"].get("labels") or {}, name_of(node)):
        return Fit(False, False)
    accepted = tolerations(spec)
    refusing = {
        taint.get("effect")
        for taint in (node.get("spec") or {}).get("taints") or ()
        if not any(tolerates(toleration, taint) for toleration in accepted)
    }
    stays = "NoExecute" not in refusing
    return Fit(stays and "NoSchedule" not in refusing, stays)


def tolerations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The template's tolerations and those that every daemon pod has."""
    own = list(spec.get("tolerations") or ())
    wanted = (*_TOLERATED, _NETWORK) if spec.get("hostNetwork") else _TOLERATED
    added = [{"key": f"{_PREFIX}{key}", "operator": "Exists", "effect": effect} for key, effect in wanted]
    return [*(one for one in own if one not in added), *added]


def target_of(pod: Obj) -> str:
    """The node the pod is on or is made for; "" where it is for none in particular."""
    if node := pod["spec"].get("nodeName"):
        return str(node)
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            values: list[str] = field.get("values") or []
            if field.get("key") == "metadata.name" and field.get("operator") == "In" and len(values) == 1:
                return values[0]
    return ""


def by_node(pods: list[Obj]) -> dict[str, list[Obj]]:
    """The pods of each node, the oldest first. What has ended and is being deleted counts no more."""
    found: dict[str, list[Obj]] = {}
    for pod in sorted(pods, key=_oldest_first):
        if not (is_finished(pod) and is_deleting(pod)) and (node := target_of(pod)):
            found.setdefault(node, []).append(pod)
    return found


def _oldest_first(pod: Obj) -> tuple[bool, str, str]:
    return not pod["spec"].get("nodeName"), pod["metadata"].get("creationTimestamp") or "", name_of(pod)


def daemon_pod(daemonset: Obj, name: str, node: str, hashed: str) -> Obj:
    """A pod of the template that the scheduler can put on ``node`` only."""
    pod = pod_for(daemonset, name)
    spec = pod["spec"]
    spec["tolerations"] = tolerations(spec)
    spec["affinity"] = _pinned(spec.get("affinity") or {}, node)
    labels = {**(pod["metadata"].get("labels") or {}), HASH: hashed}
    if generation := annotations_of(daemonset).get(TEMPLATE_GENERATION):
        labels[GENERATION] = generation
    pod["metadata"]["labels"] = labels
    return pod


def _pinned(affinity: dict[str, Any], node: str) -> dict[str, Any]:
    """The affinity with the node's name for its required terms: that they hold for it has been seen already."""
    pinned = copy.deepcopy(affinity)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    pinned.setdefault("nodeAffinity", {})[REQUIRED] = {"nodeSelectorTerms": [term]}
    return pinned
