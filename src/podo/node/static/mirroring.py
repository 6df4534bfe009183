"""What the API is to be told next of a static pod: a pure decision from the pod, its mirror and the Node.

A mirror is a copy of the static pod that carries its hash and belongs to the Node.
"""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, uid_of
from podo.api.parts.pod_annotations import MIRROR
from podo.node.podspec import CONFIG_HASH
from podo.node.status import difference


@dataclass(frozen=True, slots=True)
class Make:
    """Create it."""

    mirror: Obj


@dataclass(frozen=True, slots=True)
class Tell:
    """Write its status, by a strategic merge patch."""

    patch: Obj


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete it at once, if it is still this one."""

    uid: str


Step = Make | Tell | Remove


def next_step(pod: Obj | None, mirror: Obj | None, node: Obj) -> Step | None:
    """None: the API shows what there is, or the node is not registered, or is about to go."""
    if mirror is not None and (pod is None or is_deleting(mirror) or not _is_of(mirror, pod)):
        return Remove(uid_of(mirror))
    if pod is None:
        return None
    if mirror is None:
        known = node.get("metadata") or {}
        return Make(mirror_of(pod, node)) if known.get("uid") and not known.get("deletionTimestamp") else None
    told = mirror.get("status") or {}
    status = pod.get("status") or {}
    if "startTime" in told and "startTime" in status:
        status = {**status, "startTime": told["startTime"]}  # of a former run of the agent: a start time stays
    patch = difference(told, status, uid_of(mirror))
    return Tell(patch) if patch else None


def _is_of(mirror: Obj, pod: Obj) -> bool:
    return annotations_of(mirror).get(MIRROR) == annotations_of(pod).get(CONFIG_HASH)


def mirror_of(pod: Obj, node: Obj) -> Obj:
    """The mirror as it is created; the API gives it a uid of its own."""
    metadata = {name: value for name, value in pod["metadata"].items() if name != "uid"}
    metadata["annotations"] = {**annotations_of(pod), MIRROR: annotations_of(pod)[CONFIG_HASH]}
    owner = {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"], "uid": uid_of(node)}
    metadata["ownerReferences"] = [{**owner, "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}
