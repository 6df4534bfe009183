"""What a pod may be that a kubelet makes itself (part of NodeRestriction): a mirror pod on its node, owned by it, that
refers to nothing that the API has, since its node could read all of that (CVE-2025-4563).

Source: "NodeRestriction" in "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.parts.api_references import named_by
from podo.api.parts.pod_annotations import MIRROR


def refusal(pod: Obj, node: str, uid: str | None) -> str:
    """Why the node ``node`` may not make this pod; "" if it may. ``uid``: of its Node, None where there is none."""
    spec = pod.get("spec") or {}
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.get("nodeName") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    if why := _owner_refusal(pod["metadata"].get("ownerReferences") or [], node, uid):
        return why
    named = next(named_by(spec), "")
    return f'node "{node}" can not create pods that reference {named}' if named else ""


def _owner_refusal(owners: list[Obj], node: str, uid: str | None) -> str:
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    if uid is None:
        return f'error looking up node {node} to verify uid: nodes "{node}" not found'
    if owner.get("uid") != uid:
        return f"node {node} UID mismatch: expected {owner.get('uid') or ''} got {uid}"
    return ""
