"""Trigger time: since when what Endpoints and EndpointSlices now say has been so, for those who measure how long the
news takes (the annotation endpoints.kubernetes.io/last-change-trigger-time). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from podo.api.kind import Obj
from podo.api.meta import annotations_of, condition_of, uid_of
from podo.controllers.podstate import is_ready

ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


def triggered_at(service: Obj, pods: list[Obj], published: Mapping[str, bool] | None) -> str:
    """The first of the changes that are published now: pods that became ready or unready, or the Service itself; ""
    where it is something else. ``published``: by the uids of pods, whether they were said to be ready; None before the
    first time.
    """
    known = published or {}
    ready = [condition_of(pod, "Ready") for pod in pods if known.get(uid_of(pod)) is not is_ready(pod)]
    moments = [condition.get("lastTransitionTime") for condition in ready if condition is not None]
    if published is None:
        moments.append(service["metadata"].get("creationTimestamp"))
    return min((str(moment) for moment in moments if moment), default="")


def dated(obj: Obj, moment: str) -> Obj:
    """``obj`` with this trigger time, without any where ``moment`` is ""."""
    annotations = {key: text for key, text in annotations_of(obj).items() if key != ANNOTATION}
    if moment:
        annotations[ANNOTATION] = moment
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}
