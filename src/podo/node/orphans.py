"""Pods that the runtime or the machine has something of, and the API nothing: made up again, to be ended."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node import labels, podspec
from podo.node.observed import Seen


def orphan(uid: str, seen: Seen) -> Obj:
    """The pod, by what its sandboxes and containers say of it."""
    names = {container.name for container in seen.containers}
    sandbox = seen.sandboxes[0] if seen.sandboxes else None
    marks = next((container.labels for container in seen.containers), {})
    notes = next((c.annotations for c in seen.containers), sandbox.annotations if sandbox else {})
    grace = notes.get(labels.POD_GRACE, "")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": sandbox.pod_name if sandbox else marks.get(labels.POD_NAME, ""),
            "namespace": sandbox.pod_namespace if sandbox else marks.get(labels.POD_NAMESPACE, ""),
            "uid": uid,
        },
        "spec": {
            "containers": [{"name": name} for name in sorted(names)],
            "terminationGracePeriodSeconds": int(grace) if grace.isdigit() else podspec.DEFAULT_GRACE_SECONDS,
        },
    }
