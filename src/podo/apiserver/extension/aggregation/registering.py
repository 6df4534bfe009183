"""The APIServices of what this server answers for itself: made at every start for built-in group versions, and for
those of custom resources as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import orjson

from podo.api.kind import Kind, Obj
from podo.api.kinds.apiregistration.apiservice import APISERVICE, GROUP, local_condition
from podo.apiserver import stamping, stored
from podo.apiserver.backend import Backend
from podo.storage.contract import KeyExists, KeyNotFound, Record, RevisionMismatch
from podo.values import timestamp
from podo.values.versions import priority

#: The label that marks them, and its values: of built-in groups, of custom ones.
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
BUILT_IN, CUSTOM = "onstart", "true"
#: groupPriorityMinimum and versionPriority of built-in group versions; others have those below.
_PRIORITIES = {
    "v1.": (18000, 1),
    "v1.admissionregistration.k8s.io": (16700, 15),
    "v1.apiextensions.k8s.io": (16700, 15),
    "v1.apps": (17800, 15),
    "v1.authentication.k8s.io": (17700, 15),
    "v1.authorization.k8s.io": (17600, 15),
    "v1.autoscaling": (17500, 15),
    "v2.autoscaling": (17500, 30),
    "v1.batch": (17400, 15),
    "v1.certificates.k8s.io": (17300, 15),
    "v1.coordination.k8s.io": (16500, 15),
    "v1.discovery.k8s.io": (16200, 15),
    "v1.events.k8s.io": (17750, 15),
    "v1.flowcontrol.apiserver.k8s.io": (16100, 21),
    "v1.networking.k8s.io": (17200, 15),
    "v1.node.k8s.io": (16300, 15),
    "v1.policy": (17100, 15),
    "v1.rbac.authorization.k8s.io": (17000, 15),
    "v1.resource.k8s.io": (16200, 15),
    "v1.scheduling.k8s.io": (16600, 15),
    "v1.storage.k8s.io": (16800, 15),
    "v1.storagemigration.k8s.io": (16800, 9),
}
_OTHER = (16000, 15)
_CUSTOM_GROUP, _CUSTOM_VERSION = 1000, 100


def built_in(kinds: Iterable[Kind]) -> dict[str, Obj]:
    """Name -> APIService. The aggregation layer's own group is served without one."""
    found = dict.fromkeys((kind.group, kind.version) for kind in kinds if kind.group != GROUP)
    return {
        f"{version}.{group}": _local(group, version, *_PRIORITIES.get(f"{version}.{group}", _OTHER), BUILT_IN)
        for group, version in found
    }


def custom(kinds: Iterable[Kind]) -> dict[str, Obj]:
    """Likewise for custom resources: versions of a group rank as upstream orders them (v2, v1, v1beta1 ...)."""
    groups: dict[str, set[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, set()).add(kind.version)
    return {
        f"{version}.{group}": _local(group, version, _CUSTOM_GROUP, max(1, _CUSTOM_VERSION - place), CUSTOM)
        for group, versions in groups.items()
        for place, version in enumerate(sorted(versions, key=priority))
    }


def _local(group: str, version: str, group_priority: int, version_priority: int, managed: str) -> Obj:
    spec = {"version": version, "groupPriorityMinimum": group_priority, "versionPriority": version_priority}
    if group:
        spec["group"] = group
    metadata = {"name": f"{version}.{group}", "labels": {MANAGED: managed}}
    return {"apiVersion": APISERVICE.api_version, "kind": APISERVICE.kind, "metadata": metadata, "spec": spec}


async def register(backend: Backend, wanted: dict[str, Obj], managed: str) -> None:
    """Make what is missing and remove what is gone of the APIServices with the label's value ``managed``.

    One that somebody has made by hand stays as it is. Straight into the store, which commits them all together.
    """
    page = await backend.store.range(APISERVICE.prefix)
    there = {record.key: record for record in page.records}
    work = [_make(backend, one) for name, one in wanted.items() if APISERVICE.key("", name) not in there]
    work += [_remove(backend, record) for record in there.values() if _is_gone(record, wanted, managed)]
    await asyncio.gather(*work)


def _is_gone(record: Record, wanted: dict[str, Obj], managed: str) -> bool:
    metadata = orjson.loads(record.value)["metadata"]
    return metadata["name"] not in wanted and (metadata.get("labels") or {}).get(MANAGED) == managed


async def _make(backend: Backend, wanted: Obj) -> None:
    now = backend.clock.now()
    status = {"conditions": [local_condition(timestamp.time(now))]}
    obj = {**wanted, "metadata": dict(wanted["metadata"]), "status": status}
    stamping.stamp_new(obj, now, backend.chance)
    try:
        await backend.store.create(APISERVICE.key("", obj["metadata"]["name"]), stored.dump(APISERVICE, obj))
    except KeyExists:
        return  # somebody was quicker


async def _remove(backend: Backend, record: Record) -> None:
    try:
        await backend.store.delete(record.key, expected=record.revision)
    except (KeyNotFound, RevisionMismatch):
        return  # the next change looks again
