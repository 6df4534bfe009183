"""What becomes of a volume whose claim is gone: Retain keeps it as it is, Delete removes it, Recycle empties it.

Events: VolumeFailedDelete, VolumeFailedRecycle, RecyclerPod, VolumeRecycled. Source: "Reclaiming" in "Persistent
Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, labels_of, name_of
from podo.controllers.persistentvolume import local
from podo.controllers.persistentvolume.binding import PROVISIONED_BY, phase_of, version, volume_is
from podo.reconcile.actions import Action, Create, Delete, Patch, Tell
from podo.reconcile.declare import Key, View

#: The pods that empty volumes live here; the label tells whose they are.
RECYCLERS, RECYCLES = "default", "podo.dev/recycles"
_IMAGE = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.4"
_SCRUB = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
_SCRUB_SECONDS = 60
_DELETABLE_HOST_PATH = re.compile(r"/tmp/.+")


def reclaim(volume: Obj, view: View) -> Iterator[Action]:
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    if policy == "Delete" and not is_deleting(volume):
        yield from _delete(volume, view)
    elif policy == "Recycle":
        yield from _recycle(volume, view)


def _delete(volume: Obj, view: View) -> Iterator[Action]:
    provisioner = annotations_of(volume).get(PROVISIONED_BY)
    if provisioner == local.PROVISIONER_NAME:
        yield from local.delete(volume, view)
    elif provisioner:
        return  # it sees to it
    elif host_path := (volume["spec"].get("hostPath") or {}).get("path"):
        yield from _delete_host_path(volume, host_path, view)
    else:
        why = "no deletable volume plugin matched"
        text = f'error getting deleter volume plugin for volume "{name_of(volume)}": {why}'
        yield from _fail(volume, "VolumeFailedDelete", text, view)


def _delete_host_path(volume: Obj, path: str, view: View) -> Iterator[Action]:
    if not _DELETABLE_HOST_PATH.fullmatch(path):
        text = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        yield from _fail(volume, "VolumeFailedDelete", text, view)
    elif any(local.directory_of(node) for node in view.list("Node")):
        text = f"{path} is on the nodes' disks, and nodes remove nothing but what they have provisioned"
        yield from _fail(volume, "VolumeFailedDelete", text, view)
    else:
        yield Delete(volume)  # simulated nodes: there is no such path


def _fail(volume: Obj, reason: str, message: str, view: View) -> Iterator[Action]:
    if phase_of(volume) != "Failed":
        yield from volume_is(volume, "Failed", view, message)
        yield Tell(volume, reason, message, "Warning")


# Recycling: deprecated, but there


def recycled(pod: Obj, view: View) -> Iterator[Key]:
    """The volume that a pod empties."""
    if (name := labels_of(pod).get(RECYCLES)) is not None:
        yield Key("", name)


def _recycle(volume: Obj, view: View) -> Iterator[Action]:
    source = {kind: volume["spec"][kind] for kind in ("hostPath", "nfs") if volume["spec"].get(kind)}
    if not source:
        yield from _fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!", view)
        return
    pod = view.get("Pod", f"recycler-for-{name_of(volume)}", RECYCLERS)
    if pod is None:
        if phase_of(volume) != "Failed":
            yield Create(_recycler(volume, source))
            yield Tell(volume, "RecyclerPod", "Recycler pod: created")
        return
    if is_deleting(pod) or labels_of(pod).get(RECYCLES) != name_of(volume):
        return
    if phase_of(pod) == "Succeeded":
        yield Delete(pod)
        yield Patch(volume, {"metadata": version(volume), "spec": {"claimRef": None}})
        yield Tell(volume, "VolumeRecycled", "Volume recycled")
    elif phase_of(pod) == "Failed":
        yield Delete(pod)
        why = (pod.get("status") or {}).get("message") or "pod failed, unknown error"
        yield from _fail(volume, "VolumeFailedRecycle", f"Recycle failed: {why}", view)


def _recycler(volume: Obj, source: dict[str, Any]) -> Obj:
    affinity = (volume["spec"].get("nodeAffinity") or {}).get("required")
    container = {
        "name": "pv-recycler",
        "image": _IMAGE,
        "command": ["/bin/sh", "-c", _SCRUB],
        "volumeMounts": [{"name": "vol", "mountPath": "/scrub"}],
    }
    spec: dict[str, Any] = {
        "activeDeadlineSeconds": _SCRUB_SECONDS,
        "restartPolicy": "Never",
        "volumes": [{"name": "vol", **source}],
        "containers": [container],
    }
    if affinity:
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": affinity}}
    name = name_of(volume)
    metadata = {"name": f"recycler-for-{name}", "namespace": RECYCLERS, "labels": {RECYCLES: name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
