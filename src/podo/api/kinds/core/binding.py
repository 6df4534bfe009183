"""Binding (v1): the body of ``pods/binding``, which puts a pod on a node."""

from __future__ import annotations

from podo.api.kind import Kind

BINDING = Kind(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    singular="binding",
    verbs=("create",),
)
