"""Binding (v1): the body of ``pods/binding``, which puts a pod on a node."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.api.rules import Found, not_supported, required


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    target = new.get("target") or {}
    if target.get("kind") not in (None, "", "Node"):
        found.append(not_supported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        found.append(required("target.name"))
    return found


BINDING = Kind(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    singular="binding",
    verbs=("create",),
    problems=_problems,
)
