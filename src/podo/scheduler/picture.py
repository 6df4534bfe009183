"""A snapshot of a cluster made at once from its objects: for explaining and trying out, not for following."""

from __future__ import annotations

from collections.abc import Iterable

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of
from podo.client.cache import CacheChange
from podo.client.index import Place
from podo.scheduler.follow import KINDS, Follower
from podo.scheduler.queue import Queue
from podo.scheduler.snapshot import Snapshot


def snapshot_of(objects: Iterable[Obj]) -> Snapshot:
    """Of objects of all kinds in ``KINDS``; others are passed over. Pods without a node do not count."""
    snapshot = Snapshot()
    follower = Follower(snapshot, Queue({}), ())
    known = [obj for obj in objects if obj.get("kind") in KINDS]
    known.sort(key=lambda obj: KINDS.index(obj["kind"]))
    follower.changed(
        (CacheChange(obj["kind"], Place(namespace_of(obj), name_of(obj)), None, obj) for obj in known), 0.0
    )
    return snapshot
