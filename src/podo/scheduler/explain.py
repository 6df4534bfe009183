"""Why a pod has no node, in full: every node with the plug-in and reason that refused it, what would make it fit, and
who would be preempted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from podo.api.kind import Obj
from podo.api.parts.hostports import conflicts
from podo.api.parts.tolerations import tolerates
from podo.scheduler import podinfo
from podo.scheduler.boards import feasible_rows
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.devices.asking import CannotAllocate
from podo.scheduler.devices.matching import matches
from podo.scheduler.devices.podclaims import demands
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile, default_profile
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Snapshot, awaited
from podo.scheduler.victims import Victims

#: At most so many names are listed where any would do, and so many groups of nodes.
MOST, _GROUPS = 5, 50

#: May pods of this namespace be named?
Visible = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class NodeRefusal:
    """``details``: what exactly is missing there."""

    node_name: str
    plugin: str
    reasons: tuple[str, ...]
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """Without the demands that ``plugin`` looks after, the pod would fit on ``nodes``."""

    plugin: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``node_name``: where the pod would go ("" for nowhere). ``message``: what the scheduler says of it. ``victims``:
    names of the pods that it would preempt on ``victims_on``."""

    node_name: str
    message: str = ""
    refusals: tuple[NodeRefusal, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    victims_on: str = ""
    victims: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


def explain(pod: Obj, snapshot: Snapshot, profile: Profile | None = None) -> Explanation:
    """For a pod without a node."""
    return explain_by(pod, snapshot, Cycle(snapshot, profile or default_profile()))


def everything(namespace: str) -> bool:
    return True


def explain_by(pod: Obj, snapshot: Snapshot, cycle: Cycle, visible: Visible = everything) -> Explanation:
    """``visible``: of which namespaces pods may be named."""
    asked = podinfo.read(pod)
    if gates := tuple(gate["name"] for gate in pod["spec"].get("schedulingGates") or ()):
        return Explanation("", "Scheduling is blocked due to non-empty scheduling gates", gates=gates)
    outcome = cycle.place(asked, _first)
    if isinstance(outcome, Placement):
        return Explanation(outcome.node_name)
    refusals = tuple(_refusal(asked, name, why, snapshot, visible) for name, why in sorted(outcome.reasons.items()))
    remedies = tuple(_remedies(asked, snapshot, cycle.profile, sorted(outcome.plugins)))
    victims, told = cycle.make_room(asked, outcome)
    found = Explanation("", told.message(), refusals, remedies)
    return found if victims is None else replace(found, victims_on=victims.node_name, victims=_names(victims, visible))


def _first(count: int) -> int:
    return 0


def _names(victims: Victims, visible: Visible) -> tuple[str, ...]:
    return tuple(f"{_key(pod, visible)} (priority {pod.priority})" for pod in victims.pods if not awaited(pod))


def _key(pod: PodInfo, visible: Visible) -> str:
    return pod.key if visible(pod.namespace) else "a pod of another namespace"


def _refusal(pod: PodInfo, name: str, why: tuple[Reason, ...], snapshot: Snapshot, visible: Visible) -> NodeRefusal:
    plugin = why[0].plugin
    texts = tuple(reason.text for reason in why)
    return NodeRefusal(name, plugin, texts, tuple(_details(plugin, pod, name, snapshot, visible)))


def _details(plugin: str, pod: PodInfo, name: str, snapshot: Snapshot, visible: Visible) -> Iterator[str]:
    row = snapshot.row_of[name]
    if plugin == "NodeResourcesFit":
        yield from _amounts(pod, snapshot, row)
    elif plugin == "TaintToleration":
        yield from _taints(pod, snapshot, row)
    elif plugin == "NodeAffinity":
        labels = snapshot.node(row).labels
        for key, value in pod.node_selector.items():
            if labels.get(key) != value:
                has = f"has {key}={labels[key]}" if key in labels else f"has no label {key}"
                yield f"the pod selects {key}={value}; the node {has}"
    elif plugin == "NodePorts":
        for other in snapshot.pods_on(name).values():
            for port in pod.host_ports:
                if any(conflicts(port, taken) for taken in other.host_ports):
                    yield f"port {port[2]}/{port[0]} is {_key(other, visible)}'s"
    elif plugin == "NodeUnschedulable":
        yield f"kubectl uncordon {name} opens it"
    elif plugin == "DynamicResources":
        yield from _devices(pod, snapshot, row)


def _amounts(pod: PodInfo, snapshot: Snapshot, row: int) -> Iterator[str]:
    for resource, amount in (*pod.requests.items(), ("pods", 1)):
        index = snapshot.resources.get(resource)
        whole = int(snapshot.allocatable[index, row]) if index is not None else 0
        free = whole - (int(snapshot.requested[index, row]) if index is not None else 0)
        if amount > free:
            unit = "m" if resource == "cpu" else ""
            yield f"{resource}: asks for {amount}{unit}, {max(free, 0)}{unit} of {whole}{unit} free"


def _taints(pod: PodInfo, snapshot: Snapshot, row: int) -> Iterator[str]:
    for taint in snapshot.node(row).taints:
        hard = taint.get("effect") in ("NoSchedule", "NoExecute")
        if hard and not any(tolerates(toleration, taint) for toleration in pod.tolerations):
            value = f"={taint['value']}" if taint.get("value") else ""
            yield f"needs a toleration of {taint['key']}{value}:{taint['effect']}"


def _devices(pod: PodInfo, snapshot: Snapshot, row: int) -> Iterator[str]:
    """Of each request of claims without devices: how many devices the node has that match, and how many are free."""
    devices, node = snapshot.devices, snapshot.node(row)
    offer = devices.offer(node.name, node.labels)
    for ask in demands(pod, devices).asks:
        for one in (one for alternatives in ask.requests for one in alternatives):
            try:
                found = [device for device in offer.devices if matches(device, one.selectors, ask.title)]
            except CannotAllocate as problem:
                yield str(problem)
                continue
            free = sum(device.shared or not offer.usage.holders[device.id] for device in found)
            tainted = sum(not devices.tolerated(device, one) for device in found)
            wants = "all" if one.count is None else str(one.count)
            said = f"{len(offer.devices)} offered, {len(found)} match, {free} of these free"
            taints = f", {tainted} tainted" if tainted else ""
            yield f"claim {ask.title}, request {one.name}: asks for {wants} of {one.device_class}: {said}{taints}"


def _remedies(pod: PodInfo, snapshot: Snapshot, profile: Profile, plugins: Iterable[str]) -> Iterator[Remedy]:
    """Each plug-in alone left out."""
    for name in plugins:
        others = [plugin for plugin in profile.filters if plugin.name != name]
        mask = feasible_rows(pod, snapshot, others)
        fits = sorted(node for node, row in snapshot.row_of.items() if mask[row])
        if fits:
            yield Remedy(name, tuple(fits))


def lines(found: Explanation) -> Iterator[str]:
    """For a person to read."""
    if found.gates:
        yield f"{found.message}: {', '.join(found.gates)}"
        return
    if found.node_name:
        yield f"it fits on {found.node_name}: the scheduler will place it there, or has not looked yet"
        return
    yield found.message
    alike = _alike(found.refusals)
    for (plugin, reasons, details), names in islice(alike.items(), _GROUPS):
        yield f"  {_few(names)}: {plugin}: {', '.join(reasons)}"
        for detail in details:
            yield f"    {detail}"
    if len(alike) > _GROUPS:
        yield f"  {len(alike) - _GROUPS} more groups of nodes for other reasons"
    for remedy in found.remedies:
        yield f"  would fit on {_few(remedy.nodes)}, were it not for {remedy.plugin}"
    if found.victims_on:
        yield f"  would preempt on {found.victims_on}: {', '.join(found.victims)}"


def document(found: Explanation) -> dict[str, Any]:
    """For a program to read: nodes that refuse for the same reasons are counted, and a few are named."""
    refusals = [
        {"plugin": plugin, "reasons": list(reasons), "details": list(details), **_counted(names)}
        for (plugin, reasons, details), names in _alike(found.refusals).items()
    ]
    document: dict[str, Any] = {"message": found.message, "refusals": refusals[:_GROUPS]}
    if found.node_name:
        document["fits"] = found.node_name
    if found.gates:
        document["gates"] = list(found.gates)
    if found.remedies:
        document["without"] = [{"plugin": each.plugin, **_counted(each.nodes)} for each in found.remedies]
    if found.victims_on:
        document["preempts"] = {"node": found.victims_on, "pods": list(found.victims)}
    return document


def _counted(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "nodes": list(names[:MOST])}


def _alike(refusals: Iterable[NodeRefusal]) -> dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]]:
    """The names of nodes that refuse for the same reasons."""
    found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for each in refusals:
        found.setdefault((each.plugin, each.reasons, each.details), []).append(each.node_name)
    return found


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"{', '.join(names[:MOST])}{more}"
