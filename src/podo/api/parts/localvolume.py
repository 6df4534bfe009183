"""The names by which the provisioner ``podo.dev/local``, the nodes and the API server know volumes on nodes' disks."""

from __future__ import annotations

from podo.api.kind import Obj

PROVISIONER_NAME = "podo.dev/local"
#: The label of such a volume that names its node: what the node watches.
NODE_LABEL = "podo.dev/node"
#: The annotation by which a node with a disk says where its volumes are.
DIRECTORY = "podo.dev/local-volumes"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


def disk_of(volume: Obj) -> str:
    """The node on whose disk the volume was provisioned; "" for other volumes."""
    metadata = volume["metadata"]
    if (metadata.get("annotations") or {}).get(_PROVISIONED_BY) != PROVISIONER_NAME:
        return ""
    return str((metadata.get("labels") or {}).get(NODE_LABEL) or "")


def is_on(volume: Obj, node: str) -> bool:
    """Was the volume provisioned on this node's disk?"""
    return disk_of(volume) == node


def is_to_go(volume: Obj) -> bool:
    """Is its claim gone, and is it to be removed then?"""
    spec, status = volume.get("spec") or {}, volume.get("status") or {}
    return spec.get("persistentVolumeReclaimPolicy") == "Delete" and status.get("phase") == "Released"
