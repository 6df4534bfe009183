"""Namespace (v1): a scope for names."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.meta import is_deleting
from podo.api.metadata_rules import check_finalizer
from podo.api.rules import Found, invalid

_NAME_LABEL = "kubernetes.io/metadata.name"


def _fill_in(namespace: Obj) -> None:
    metadata = namespace.setdefault("metadata", {})
    if name := metadata.get("name"):
        labels = metadata["labels"] = metadata.get("labels") or {}
        labels[_NAME_LABEL] = name


def _prepare(new: Obj, old: Obj | None) -> None:
    """Its own finalizer keeps a namespace until all in it is gone; only ``finalize`` may take it away."""
    _fill_in(new)  # a generated name is known only now
    spec = new["spec"] = {**(new.get("spec") or {})}
    if old is not None:
        spec["finalizers"] = (old.get("spec") or {}).get("finalizers") or []
        return
    new["status"] = {"phase": "Active"}
    finalizers = spec.get("finalizers") or []
    spec["finalizers"] = finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for finalizer in ((new.get("spec") or {}).get("finalizers") or ()) if old is None else ():
        check_finalizer(finalizer, "spec.finalizers", "spec.finalizers", found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    phase, ends = _phase(new), is_deleting(new)
    wanted, which = ("Terminating", "not empty") if ends else ("Active", "empty")
    if phase == wanted:
        return []
    return [invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` is {which}")]


def _phase(namespace: Obj) -> str:
    return (namespace.get("status") or {}).get("phase") or ""


NAMESPACE = Kind(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    short_names=("ns",),
    namespaced=False,
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    status_problems=_status_problems,
    columns=(NAME, column("Status", _phase), AGE),
    fields={"status.phase": _phase, "name": lambda namespace: namespace["metadata"].get("name", "")},
    subresources=frozenset({"status", "finalize"}),
    name_rule="label",
)
