"""TTL after finished: a Job with ttlSecondsAfterFinished is deleted so long after its end, with its pods."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.meta import is_deleting
from podo.controllers.job.verdict import finished_at
from podo.reconcile.actions import Action, CheckAgain, Delete
from podo.reconcile.declare import Key, View, controller


@controller(reconciles="Job")
def reconcile(key: Key, view: View) -> Iterator[Action]:
    job = view.get("Job", key.name, key.namespace)
    if job is None or is_deleting(job):
        return
    ttl, ended = job["spec"].get("ttlSecondsAfterFinished"), finished_at(job)
    if ttl is None or ended is None:
        return
    left = ended + ttl - view.now
    if left > 0:
        yield CheckAgain(left)
    else:
        yield Delete(job, propagation="Foreground")
