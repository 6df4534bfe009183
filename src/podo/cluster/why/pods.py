"""Why a pod is not ready: no node, a volume, devices, an image, a container that ends, a probe, what it refers to, or a
node that is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, is_deleting, namespace_of
from podo.cluster.why import containers, deleting, deviceclaims, references, volumeclaims
from podo.cluster.why.finding import Finding, Picture, Placement, title

#: Given a pod without a node, where it could go.
ExplainPlace = Callable[[Obj], Placement]


def is_well(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" or (phase == "Running" and condition_is_true(pod, "Ready") and not is_deleting(pod))


def why_pod(pod: Obj, picture: Picture, place: ExplainPlace) -> Finding:
    if is_well(pod):
        phase = pod["status"]["phase"]
        return Finding(title(pod), (f"{phase}, nothing is wrong",))
    status, node_name = pod.get("status") or {}, pod["spec"].get("nodeName")
    going = tuple(deleting.lines(pod, picture))
    if not node_name:
        found = place(pod)
        waits = (f"{status.get('phase', 'Pending')}, not scheduled", *going, *_failed(pod), *found.lines)
        return Finding(title(pod), waits, tuple(_wanted(pod, picture)), found.document)
    says = [f"{status.get('phase', 'Pending')} on {node_name}", *going]
    if status.get("reason"):
        says.append(f"{status['reason']}: {status.get('message', '')}")
    says += containers.lines(pod, picture)
    says += picture.warnings(pod)
    causes = (*containers.images(pod, picture), *_wanted(pod, picture), *_missing(pod, picture))
    return Finding(title(pod), tuple(says), (*causes, *_nodes(node_name, picture)))


def _failed(pod: Obj) -> Iterator[str]:
    """What went wrong when the scheduler last tried, where that was no refusal of nodes."""
    said = condition_of(pod, "PodScheduled") or {}
    if said.get("reason") == "SchedulerError":
        yield f"the last attempt failed: {said.get('message', '')}"


def _wanted(pod: Obj, picture: Picture) -> Iterator[Finding]:
    """Storage and devices that the pod waits for."""
    for claim in volumeclaims.unbound(pod, picture):
        yield volumeclaims.why_claim(claim, picture)
    yield from deviceclaims.of_pod(pod, picture)


def _missing(pod: Obj, picture: Picture) -> Iterator[Finding]:
    """ConfigMaps and Secrets that a pod cannot start without, and that are not there."""
    wanted = {(kind, name): None for kind, name, optional in references.of(pod) if not optional}
    for kind, name in wanted:
        if (kind, namespace_of(pod), name) in picture.absent:
            yield Finding(f"{kind} {namespace_of(pod)}/{name}", ("does not exist",))


def _nodes(name: str, picture: Picture) -> Iterator[Finding]:
    node = picture.get("Node", "", name)
    if node is None:
        if "Node" not in picture.unseen:
            yield Finding(f"Node {name}", ("does not exist",))
    elif not condition_is_true(node, "Ready"):
        yield Finding(title(node), (f"is not ready: {ready_line(node)}",))


def ready_line(node: Obj) -> str:
    """What a node says of its readiness."""
    ready = condition_of(node, "Ready")
    return f"{ready.get('reason')}: {ready.get('message')}" if ready else "has no Ready condition"
