"""Storage as the scheduler sees it: claims, volumes, classes and drivers, what was promised to claims but is not in the
API yet, and which claims are in use on which nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from podo.api.kind import Obj
from podo.api.kinds.core.persistentvolumeclaim import class_of
from podo.api.meta import annotations_of, name_of, namespace_of
from podo.scheduler.noderows import NodeRows, Numbers

#: Kinds of objects about storage.
KINDS = (
    *("StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity"),
    *("PersistentVolume", "PersistentVolumeClaim", "VolumeAttachment"),
)
SELECTED_NODE = "volume.kubernetes.io/selected-node"

_TAKEN = frozenset({"Bound", "Released", "Failed"})

#: (namespace, name) of a claim
ClaimKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a claim will get: this volume, or ("") one that is provisioned for the node."""

    volume: str
    node_name: str


@dataclass(slots=True)
class Storage:
    """``promises``: of pods that were decided for; dropped when the API says the
    same, or the pod could not be bound."""

    rows: NodeRows
    objects: dict[str, dict[tuple[str, str], Obj]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    promises: dict[ClaimKey, Promise] = field(default_factory=dict)
    #: Volumes that nobody has, by class and name.
    free: dict[str, dict[str, Obj]] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _users: dict[ClaimKey, dict[str, int]] = field(default_factory=dict)  # claim -> node -> pods
    _attached: dict[str, dict[str, int]] = field(default_factory=dict)  # driver -> node -> claims in use
    _attachments: dict[tuple[str, str], int] = field(default_factory=dict)  # (node, volume) -> VolumeAttachments
    #: Volumes that are attached though no pod on the node uses them (any more, or yet): node -> volume -> driver.
    _left: dict[str, dict[str, str]] = field(default_factory=dict)
    _columns: dict[str, tuple[int, Numbers]] = field(default_factory=dict)  # driver -> character, in use by row

    def set(self, kind: str, namespace: str, name: str, obj: Obj | None) -> None:
        """An object came, changed, or (None) went."""
        self._versions[kind] = self.version_of(kind) + 1
        old = self.objects[kind].pop((namespace, name), None)
        if obj is not None:
            self.objects[kind][namespace, name] = obj
        if kind == "PersistentVolume":
            self._set_free(name, old, obj)
        if kind == "VolumeAttachment":
            self._set_attachment(old, obj)
        if kind == "PersistentVolumeClaim" and (obj is None or is_bound(obj)):
            self.promises.pop((namespace, name), None)

    def _set_free(self, name: str, old: Obj | None, new: Obj | None) -> None:
        if old is not None:
            self.free.get(class_of(old), {}).pop(name, None)
        if new is not None and (new.get("status") or {}).get("phase") not in _TAKEN:
            self.free.setdefault(class_of(new), {})[name] = new

    def version_of(self, kind: str) -> int:
        """Grows with every change of this kind."""
        return self._versions.get(kind, 0)

    def claim(self, key: ClaimKey) -> Obj | None:
        return self.objects["PersistentVolumeClaim"].get(key)

    def volume(self, name: str) -> Obj | None:
        return self.objects["PersistentVolume"].get(("", name))

    def storage_class(self, claim: Obj) -> Obj | None:
        return self.objects["StorageClass"].get(("", class_of(claim)))

    def waits_for_consumer(self, claim: Obj) -> bool:
        """Is the claim bound only when a pod that uses it has a node?"""
        found = self.storage_class(claim)
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def driver_of(self, key: ClaimKey) -> str:
        """The CSI driver that attaches a claim's volume; "" where it is not known, or there is none."""
        claim = self.claim(key)
        if claim is None:
            return ""
        volume = self.volume((claim.get("spec") or {}).get("volumeName") or "")
        if volume is not None:
            return str(((volume.get("spec") or {}).get("csi") or {}).get("driver") or "")
        return str((self.storage_class(claim) or {}).get("provisioner") or "")

    def limits(self, driver: str) -> dict[str, int]:
        """By node, how many volumes of the driver may be attached, where that is limited."""
        found: dict[str, int] = {}
        for (_, name), node in self.objects["CSINode"].items():
            for each in (node.get("spec") or {}).get("drivers") or ():
                count = (each.get("allocatable") or {}).get("count")
                if each.get("name") == driver and count is not None:
                    found[name] = int(count)
        return found

    # Claims in use

    def use(self, key: ClaimKey, node_name: str, row: int | None, sign: int) -> None:
        """A pod with this claim came to the node (``sign`` 1), or left it (-1)."""
        users = self._users.setdefault(key, {})
        before, after = users.get(node_name, 0), users.get(node_name, 0) + sign
        if after:
            users[node_name] = after
        else:
            users.pop(node_name, None)
            if not users:
                del self._users[key]
        if bool(before) != bool(after):
            self._attach(self.driver_of(key), node_name, row, sign)
            volume = str(((self.claim(key) or {}).get("spec") or {}).get("volumeName") or "")
            if volume and self._attachments.get((node_name, volume)):
                self._leave(node_name, volume, in_use=bool(after))

    def _attach(self, driver: str, node_name: str, row: int | None, sign: int) -> None:
        if not driver:
            return
        counts = self._attached.setdefault(driver, {})
        counts[node_name] = max(0, counts.get(node_name, 0) + sign)
        if not counts[node_name]:
            del counts[node_name]
        column = self._columns.get(driver)
        if row is not None and column is not None and column[0] == self.rows.character:
            column[1][row] = counts.get(node_name, 0)

    def _set_attachment(self, old: Obj | None, new: Obj | None) -> None:
        """A volume is on a node from when its attachment is asked for until that has gone."""
        for obj, sign in ((old, -1), (new, 1)):
            if obj is None or not (volume := _attached_volume(obj)):
                continue
            place = (obj["spec"]["nodeName"], volume)
            self._attachments[place] = self._attachments.get(place, 0) + sign
            if not self._attachments[place]:
                del self._attachments[place]
            users = self.users(self._claim_of(volume))
            self._leave(*place, in_use=place[0] in users or place not in self._attachments)

    def _claim_of(self, volume: str) -> ClaimKey:
        reference = ((self.volume(volume) or {}).get("spec") or {}).get("claimRef") or {}
        return str(reference.get("namespace") or ""), str(reference.get("name") or "")

    def _leave(self, node_name: str, volume: str, *, in_use: bool) -> None:
        """The attached volume counts by itself while no pod's claim counts for it."""
        left = self._left.setdefault(node_name, {})
        source = ((self.volume(volume) or {}).get("spec") or {}).get("csi") or {}
        driver = left.pop(volume, None) if in_use else str(source.get("driver") or "")
        if driver and (in_use or volume not in left):
            self._attach(driver, node_name, self.rows.row_of.get(node_name), -1 if in_use else 1)
        if driver and not in_use:
            left[volume] = driver
        if not left:
            del self._left[node_name]

    def lies_on(self, key: ClaimKey) -> list[str]:
        """The nodes that the claim's volume is attached to though no pod there uses it."""
        volume = str(((self.claim(key) or {}).get("spec") or {}).get("volumeName") or "")
        return [name for name, left in self._left.items() if volume in left] if volume and self._left else []

    def users(self, key: ClaimKey) -> dict[str, int]:
        """By node, the pods that use a claim."""
        return self._users.get(key) or {}

    def attached(self, driver: str) -> Numbers:
        """For each row, how many volumes of a driver are in use there, or attached still or already."""
        character, column = self._columns.get(driver, (-1, None))
        if column is None or character != self.rows.character:
            column = np.zeros(self.rows.capacity, dtype=np.int64)
            for name, count in self._attached.get(driver, {}).items():
                if (row := self.rows.row_of.get(name)) is not None:
                    column[row] = count
            self._columns[driver] = (self.rows.character, column)
        return column


def _attached_volume(attachment: Obj) -> str:
    return str((attachment["spec"].get("source") or {}).get("persistentVolumeName") or "")


def key_of(obj: Obj) -> ClaimKey:
    return namespace_of(obj), name_of(obj)


def is_bound(claim: Obj) -> bool:
    """Is the binding complete, on both sides?"""
    completed = "pv.kubernetes.io/bind-completed" in annotations_of(claim)
    phase = (claim.get("status") or {}).get("phase")
    return bool((claim.get("spec") or {}).get("volumeName")) and (completed or phase == "Bound")


def amount(resources: Any) -> str:
    return str((resources or {}).get("storage") or "0")
