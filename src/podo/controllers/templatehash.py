"""The hash of a pod template: how ReplicaSets and revisions of one template are named and found again."""

from __future__ import annotations

import json

from podo.api.kind import Obj

HASH_LABEL = "pod-template-hash"
_SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def plain(template: Obj) -> Obj:
    """The template without what the controllers and the server add to it."""
    meta = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    meta.pop("creationTimestamp", None)
    labels = {key: value for key, value in (meta.pop("labels", None) or {}).items() if key != HASH_LABEL}
    return {"metadata": {**meta, "labels": labels}, "spec": template["spec"]}


def template_hash(owner: Obj) -> str:
    """A hash of ``spec.template`` and ``status.collisionCount``: FNV-1a of 32 bits, its digits as letters that are
    safe in names.
    """
    text = json.dumps(plain(owner["spec"]["template"]), sort_keys=True, separators=(",", ":"))
    collisions = (owner.get("status") or {}).get("collisionCount")
    value = 0x811C9DC5
    for byte in f"{text}{'' if collisions is None else collisions}".encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_SAFE_LETTERS[ord(digit) % len(_SAFE_LETTERS)] for digit in str(value))
