"""Why a pod is not ready: no node, a volume, an image, a container that ends, a probe, or a node that is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, is_deleting, name_of, namespace_of
from podo.cluster.why.finding import Finding, Picture, title

#: Given a pod without a node, the lines that explain it.
ExplainPlace = Callable[[Obj], Iterator[str]]


def is_well(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" or (phase == "Running" and condition_is_true(pod, "Ready") and not is_deleting(pod))


def why_pod(pod: Obj, picture: Picture, place: ExplainPlace) -> Finding:
    if is_well(pod):
        phase = pod["status"]["phase"]
        return Finding(title(pod), (f"{phase}, nothing is wrong",))
    status, node_name = pod.get("status") or {}, pod["spec"].get("nodeName")
    if not node_name:
        claims = tuple(why_claim(claim, picture, place) for claim in _unbound(pod, picture))
        return Finding(title(pod), (f"{status.get('phase', 'Pending')}, not scheduled", *place(pod)), claims)
    says = [f"{status.get('phase', 'Pending')} on {node_name}"]
    if is_deleting(pod):
        held = pod["metadata"].get("finalizers")
        says.append(f"is being deleted{', held by ' + ', '.join(held) if held else ''}")
    if status.get("reason"):
        says.append(f"{status['reason']}: {status.get('message', '')}")
    says += container_lines(status)
    says += picture.warnings(pod)
    return Finding(title(pod), tuple(says), tuple(_nodes(node_name, picture)))


def container_lines(status: Obj) -> Iterator[str]:
    """What each container of a pod's status that is not as it should be says of itself."""
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = each.get("state") or {}
        if waiting := state.get("waiting"):
            yield f"container {each['name']} waits: {_said(waiting)}"
        if (ended := state.get("terminated") or (each.get("lastState") or {}).get("terminated")) and ended.get(
            "exitCode"
        ):
            yield f"container {each['name']} ended with exit code {ended['exitCode']}: {_said(ended)}"
        if "running" in state and not each.get("ready"):
            yield f"container {each['name']} runs and is not ready"


def _said(state: Obj) -> str:
    return ": ".join(part for part in (state.get("reason"), state.get("message")) if part) or "no reason given"


def _nodes(name: str, picture: Picture) -> Iterator[Finding]:
    node = picture.get("Node", "", name)
    if node is None:
        yield Finding(f"Node {name}", ("does not exist",))
    elif not condition_is_true(node, "Ready"):
        yield Finding(title(node), (f"is not ready: {ready_line(node)}",))


def ready_line(node: Obj) -> str:
    """What a node says of its readiness."""
    ready = condition_of(node, "Ready")
    return f"{ready.get('reason')}: {ready.get('message')}" if ready else "has no Ready condition"


# Claims


def _unbound(pod: Obj, picture: Picture) -> Iterator[Obj]:
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        claim = picture.get("PersistentVolumeClaim", namespace_of(pod), name) if name else None
        if claim is not None and (claim.get("status") or {}).get("phase") != "Bound":
            yield claim


def why_claim(claim: Obj, picture: Picture, place: ExplainPlace, *, follow: bool = False) -> Finding:
    """``follow``: the pods that the claim waits for are explained, too."""
    phase = (claim.get("status") or {}).get("phase", "Pending")
    if phase == "Bound":
        return Finding(title(claim), (f"Bound to {claim['spec'].get('volumeName')}, nothing is wrong",))
    says = [f"{phase}", *_class(claim, picture), *picture.warnings(claim)]
    users = [pod for pod in _users(claim, picture) if not pod["spec"].get("nodeName")]
    causes = tuple(why_pod(pod, picture, place) for pod in users[:1]) if follow else ()
    return Finding(title(claim), tuple(says), causes)


def _class(claim: Obj, picture: Picture) -> Iterator[str]:
    name = claim["spec"].get("storageClassName")
    if not name:
        yield "names no storage class: a volume without one must match it"
        return
    found = picture.get("StorageClass", "", name)
    if found is None:
        yield f"storage class {name} does not exist"
    elif found.get("volumeBindingMode") == "WaitForFirstConsumer":
        node = (claim["metadata"].get("annotations") or {}).get("volume.kubernetes.io/selected-node")
        users = [name_of(pod) for pod in _users(claim, picture)]
        if node:
            yield f"waits for {found.get('provisioner')} to make a volume for node {node}"
        elif users:
            yield f"waits for a node to be found for pod {users[0]}"
        else:
            yield "waits for a pod that uses it"
    else:
        yield f"waits for {found.get('provisioner')} to make a volume"


def _users(claim: Obj, picture: Picture) -> Iterator[Obj]:
    for pod in picture.all("Pod"):
        names = {(v.get("persistentVolumeClaim") or {}).get("claimName") for v in pod["spec"].get("volumes") or ()}
        if namespace_of(pod) == namespace_of(claim) and name_of(claim) in names:
            yield pod
