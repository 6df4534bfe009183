"""Generic ephemeral volumes: a claim ``POD-VOLUME`` is made for the pod, is owned by it, and goes with it.

Event: FailedBinding. Source: "Generic ephemeral volumes" in "Ephemeral Volumes" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import is_controlled_by, is_deleting, name_of, namespace_of, owner_reference
from podo.controllers.persistentvolume.binding import CLAIM
from podo.reconcile.actions import Action, Create, Tell
from podo.reconcile.declare import Key, View, controller


def _volumes(pod: Obj) -> list[dict[str, Any]]:
    return [volume for volume in pod["spec"].get("volumes") or () if volume.get("ephemeral")]


def _has_some(pod: Obj) -> bool:
    return bool(_volumes(pod))


@controller(reconciles="Pod", owns=(CLAIM,), name="ephemeralvolume", minds=_has_some)
def claims(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or is_deleting(pod):
        return
    for volume in _volumes(pod):
        name = f"{name_of(pod)}-{volume['name']}"
        found = view.get(CLAIM, name, namespace_of(pod))
        if found is None:
            yield Create(_claim(pod, name, volume["ephemeral"].get("volumeClaimTemplate") or {}))
        elif not is_controlled_by(found, pod):
            place = f"{namespace_of(pod)}/"
            why = f"PVC {place}{name} was not created for pod {place}{name_of(pod)} (pod is not owner)"
            yield Tell(pod, "FailedBinding", f"ephemeral volume {volume['name']}: {why}", "Warning")


def _claim(pod: Obj, name: str, template: dict[str, Any]) -> Obj:
    given = template.get("metadata") or {}
    metadata = {key: given[key] for key in ("labels", "annotations") if given.get(key)}
    metadata |= {"name": name, "namespace": namespace_of(pod), "ownerReferences": [owner_reference(pod)]}
    return {"apiVersion": "v1", "kind": CLAIM, "metadata": metadata, "spec": template.get("spec") or {}}
