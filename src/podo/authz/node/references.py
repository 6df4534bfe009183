"""Which objects are a node's to read: its pods and what these refer to, the volumes of their claims, what is attached
to it, its ResourceSlices, and the requests for certificates that it made."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from podo.api import registry
from podo.api.kind import Obj
from podo.api.parts.localvolume import disk_of
from podo.authz.following import Told, follow
from podo.authz.node.named import Reference, references_of, secrets_of_volume
from podo.storage.contract import Store

#: What a pod that has its node can still come to refer to: ephemeral containers, and claims that were made for it.
_LATER = (b'"ephemeralContainers":[', b"esourceClaimStatus")
#: Objects that say themselves whose they are: kind -> the node of one ("" where it is nobody's).
_OWNED: dict[str, Callable[[Obj], str]] = {
    "PodCertificateRequest": lambda request: request["spec"].get("nodeName") or "",
    "VolumeAttachment": lambda attachment: attachment["spec"].get("nodeName") or "",
    "ResourceSlice": lambda slice_: slice_["spec"].get("nodeName") or "",
}


class References:
    """Kept while objects come and go. A pod is looked into when it has got its node, and when that opens more."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, tuple[Reference, ...]]] = {}  # key -> node, references
        self._counts: dict[str, dict[Reference, int]] = {}  # node -> reference -> how many objects have it
        #: A volume's name -> the claim that it is bound to, the node whose disk it is on, the Secrets that its mount
        #: needs; and a Secret -> the volumes that need it.
        self._bound: dict[str, Reference] = {}
        self._disks: dict[str, str] = {}
        self._needs: dict[str, tuple[tuple[str, str], ...]] = {}
        self._needed: dict[tuple[str, str], set[str]] = {}

    async def start(self, store: Store) -> None:
        await follow(store, registry.named("Pod").prefix, self._told)
        await follow(store, registry.named("PersistentVolume").prefix, self._told_of_volume)
        for kind in _OWNED:
            await follow(store, registry.named(kind).prefix, self._told_of(kind))

    def _told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        if value is None:
            self.remove(key)
        elif key not in self._known:
            if b'"nodeName":"' in value:
                self.add(key, orjson.loads(value))
        elif any(field in value for field in _LATER):
            self.remove(key)
            self.add(key, orjson.loads(value))

    def _told_of(self, kind: str) -> Told:
        resource, node_of = registry.named(kind).plural, _OWNED[kind]

        def told(key: str, value: bytes | None, before: bytes | None) -> None:
            self.remove(key)
            if value is not None:
                found = orjson.loads(value)
                metadata = found["metadata"]
                whose = (resource, metadata.get("namespace") or "", metadata["name"])
                self._add(key, node_of(found), (whose,))

        return told

    def _told_of_volume(self, key: str, value: bytes | None, before: bytes | None) -> None:
        self.set_volume(key.rpartition("/")[2], orjson.loads(value) if value is not None else None)

    def set_volume(self, name: str, volume: Obj | None) -> None:
        """A PersistentVolume is new, changed or (None) gone."""
        self._bound.pop(name, None)
        self._disks.pop(name, None)
        for secret in self._needs.pop(name, ()):
            self._needed[secret].discard(name)
            if not self._needed[secret]:
                del self._needed[secret]
        if volume is None:
            return
        if disk := disk_of(volume):
            self._disks[name] = disk
        if claim := (volume.get("spec") or {}).get("claimRef"):
            self._bound[name] = ("persistentvolumeclaims", claim.get("namespace") or "", claim.get("name") or "")
            if secrets := tuple(dict.fromkeys(secrets_of_volume(volume))):
                self._needs[name] = secrets
                for secret in secrets:
                    self._needed.setdefault(secret, set()).add(name)

    def add(self, key: str, pod: Obj) -> None:
        """A pod that has a node (others are left out)."""
        if node := (pod.get("spec") or {}).get("nodeName"):
            self._add(key, node, tuple(dict.fromkeys(references_of(pod))))

    def _add(self, key: str, node: str, found: tuple[Reference, ...]) -> None:
        self._known[key] = (node, found)
        counts = self._counts.setdefault(node, {})
        for reference in found:
            counts[reference] = counts.get(reference, 0) + 1

    def remove(self, key: str) -> None:
        node, found = self._known.pop(key, ("", ()))
        counts = self._counts.get(node, {})
        for reference in found:
            left = counts.get(reference, 0) - 1
            if left > 0:
                counts[reference] = left
            else:
                counts.pop(reference, None)
        if not counts:
            self._counts.pop(node, None)

    def has(self, node: str, resource: str, namespace: str, name: str) -> bool:
        """Does an object of ``node`` refer to it, or is it one?"""
        counts = self._counts.get(node, {})
        if resource == "persistentvolumes":
            return self._bound.get(name) in counts or self._disks.get(name) == node
        if (resource, namespace, name) in counts:
            return True
        if resource != "secrets" or not self._needed:
            return False
        return any(self._bound.get(volume) in counts for volume in self._needed.get((namespace, name), ()))
