"""Migration from client-side apply: kubectl's annotation of the last applied configuration.

What the annotation says was applied, and is still as it was applied, kubectl may take over without ``force``; and
kubectl's server-side applies keep the annotation up to date, so that it can go back.
Source: "Migrating between client-side and server-side apply" of the Server-Side Apply documentation.
"""

from __future__ import annotations

from typing import Any

import orjson

from podo.api.kind import Obj
from podo.api.metadata_rules import ANNOTATIONS_MAX
from podo.values.fields import EMPTY, Fields, difference
from podo.values.fields.compare import changes, fields_of
from podo.values.fields.layout import Struct

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
#: The only manager whose applies look at the annotation.
KUBECTL = "kubectl"


def _annotations(obj: Obj) -> dict[str, Any]:
    return obj["metadata"].get("annotations") or {}


def owned(live: Obj, layout: Struct) -> Fields:
    """The fields that client-side apply set in ``live`` and that are still as it set them."""
    try:
        config = orjson.loads(_annotations(live).get(ANNOTATION) or "")
    except orjson.JSONDecodeError:
        return EMPTY
    if not isinstance(config, dict) or config.get("apiVersion") != live["apiVersion"]:
        return EMPTY
    written, removed = changes(config, live, layout)
    return difference(difference(fields_of(config, layout), written), removed)


def renew(obj: Obj, config: Obj) -> None:
    """Let the annotation, where there is one, tell of ``config``; it goes if it would be too large."""
    annotations = _annotations(obj)
    if not annotations.get(ANNOTATION):
        return
    text = orjson.dumps(config, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    others = sum(len(key) + len(value) for key, value in annotations.items() if key != ANNOTATION)
    kept = {key: value for key, value in annotations.items() if key != ANNOTATION}
    if others + len(ANNOTATION) + len(text.encode()) <= ANNOTATIONS_MAX:
        kept[ANNOTATION] = text
    obj["metadata"] = {**obj["metadata"], "annotations": kept}
