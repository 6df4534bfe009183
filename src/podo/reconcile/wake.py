"""Which keys of a controller a changed object concerns: itself, its owner, or what a declared mapper says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import controller_of, namespace_of
from podo.client.cache import CacheChange
from podo.reconcile.declare import Declaration, Key, View


def concerned(declaration: Declaration, change: CacheChange, view: Callable[[], View]) -> Iterator[Key]:
    """The keys to look at again, possibly more than once each."""
    if change.kind == declaration.reconciles:
        yield Key(change.place.namespace, change.place.name)
    if change.kind in declaration.owns:
        for obj in _states(change):
            yield from _owner(declaration.reconciles, obj)
    mapper = declaration.watches.get(change.kind)
    if mapper is not None:
        for obj in _states(change):
            yield from mapper(obj, view())


def _states(change: CacheChange) -> Iterable[Obj]:
    """Old and new state: an object that moved from one owner or selector to another concerns both."""
    return [state for state in (change.old, change.new) if state is not None]


def _owner(kind: str, obj: Obj) -> Iterator[Key]:
    reference = controller_of(obj)
    if reference is None or reference.get("kind") != kind.rpartition("/")[2]:
        return
    owner = registry.named(kind)
    if reference.get("apiVersion", "").rpartition("/")[0] == owner.group:
        yield Key(namespace_of(obj) if owner.namespaced else "", reference.get("name", ""))


def kinds_of(declaration: Declaration) -> set[str]:
    """Every kind the controller needs in the cache."""
    return {declaration.reconciles, *declaration.owns, *declaration.watches, *declaration.reads}
