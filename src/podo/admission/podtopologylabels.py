"""PodTopologyLabels: a pod is labelled with the zone and the region of its node: by its binding, or as it is created
where it names its node itself. So the downward API can tell a pod where it runs.

Source: "Pod topology labels" of the Kubernetes documentation; KEP-4742.
"""

from __future__ import annotations

import msgspec

from podo.admission.request import AdmissionRequest, Plugin, creates_pod, is_core
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.node import NODE

LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
#: Nodes without it, as most clusters have, are not decoded.
_PREFIX = b'"topology.kubernetes.io/'


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Node(msgspec.Struct):
    """As much of one as is looked at."""

    metadata: _Metadata


_decode = msgspec.json.Decoder(_Node).decode


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    is_binding = operation == "CREATE" and subresource == "binding" and is_core(kind, "pods")
    return is_binding or creates_pod(kind, operation, subresource)


async def admit(request: AdmissionRequest) -> None:
    if request.object is None or not (node := _node_of(request)):
        return
    record = await request.store.get(NODE.key("", node))
    if record is None or _PREFIX not in record.value:
        return
    labels = _decode(record.value).metadata.labels or {}
    if found := {key: labels[key] for key in LABELS if key in labels}:
        metadata: Obj = request.object.get("metadata") or {}
        request.object["metadata"] = {**metadata, "labels": {**(metadata.get("labels") or {}), **found}}


def _node_of(request: AdmissionRequest) -> str:
    """The name of the node that the write puts the pod on; "" for none."""
    obj = request.object or {}
    if not request.subresource:
        found = (obj.get("spec") or {}).get("nodeName")
    else:
        target = obj.get("target") or {}
        found = target.get("name") if target.get("kind") == "Node" else ""
    return found if isinstance(found, str) else ""


PLUGIN = Plugin("PodTopologyLabels", handles, admit)
