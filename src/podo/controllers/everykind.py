"""The kinds that controllers of everything (garbage collection, namespaces) look at, named as clients and the cache
name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.reconcile.declare import View

#: Events come and go in great numbers, own nothing and are owned by nothing: nobody keeps them for these controllers.
_LEFT_OUT = frozenset({"Event", "events.k8s.io/Event"})


def name_for(kind: Kind) -> str:
    """``Pod``, or ``group/Kind`` where the bare name means another group's."""
    return kind.kind if registry.named(kind.kind) is kind else f"{kind.group}/{kind.kind}"


def deletable() -> tuple[str, ...]:
    """Stored kinds whose objects can be deleted, without Events."""
    kinds = [kind for kind in registry.all_kinds() if "delete" in kind.verbs and kind.stored_as is None]
    return tuple(name for kind in kinds if (name := name_for(kind)) not in _LEFT_OUT)


def named_by(reference: Obj, view: View) -> str | None:
    """The kind that an owner reference (or any apiVersion and kind) means; None where it is not known."""
    found = _known(reference["apiVersion"], reference["kind"])
    if found is None:
        custom = f"{reference['apiVersion'].rpartition('/')[0]}/{reference['kind']}"
        return custom if view.is_custom(custom) else None
    return found


@lru_cache(maxsize=1024)
def _known(api_version: str, kind: str) -> str | None:
    try:
        return name_for(registry.of({"apiVersion": api_version, "kind": kind}))
    except registry.UnknownKind:
        return None


def is_namespaced(name: str, view: View) -> bool:
    """Do objects of this kind live in namespaces?"""
    if view.is_custom(name):
        return view.is_in_namespaces(name)
    return registry.named(name).namespaced


def resource(name: str, definitions: Iterable[Obj]) -> str:
    """How a kind is called in messages: ``deployments.apps``."""
    try:
        return registry.named(name).resource
    except registry.UnknownKind:
        names = (one["spec"] for one in definitions if f"{one['spec']['group']}/{one['spec']['names']['kind']}" == name)
        return next((f"{spec['names']['plural']}.{spec['group']}" for spec in names), name)
