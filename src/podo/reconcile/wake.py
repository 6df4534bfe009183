"""Which keys of which controllers a changed object concerns: itself, its owner, or what a declared mapper says.

Every change passes here, and most concern nobody: what can be known of a kind is worked out once, when the controllers
are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import controller_of, namespace_of
from podo.client.cache import CacheChange
from podo.reconcile.declare import Among, Declaration, Key, Later, Mapper, View


@dataclass(frozen=True, slots=True)
class Listener:
    """A controller that can be woken. ``want``: it is to look at a key, ``later`` after so many seconds; ``view``: what
    its mappers are shown; ``bug`` is told what one of them raised."""

    declaration: Declaration
    want: Callable[[Key], None]
    later: Callable[[Key, float], None]
    view: Callable[[], View]
    bug: Callable[[Exception], None]


class Route:
    """Whom the changes of one kind concern."""

    def __init__(self, kind: str, listeners: Iterable[Listener], *, is_custom: bool = False) -> None:
        self._itself: list[Listener] = []
        #: (group, kind) of a controlling owner -> who reconciles such, and whether it lives in a namespace.
        self._owners: dict[tuple[str, str], list[tuple[Listener, bool]]] = {}
        self._mappers: list[tuple[Listener, Mapper]] = []
        for each in listeners:
            declared = each.declaration
            if declared.reconciles == kind:
                self._itself.append(each)
            if kind in declared.owns:
                owner = registry.named(declared.reconciles)
                self._owners.setdefault((owner.group, owner.kind), []).append((each, owner.namespaced))
            if mapper := declared.watches.get(kind) or (declared.customs if is_custom else None):
                self._mappers.append((each, mapper))

    def tell(self, changes: Sequence[CacheChange]) -> None:
        """Wake everybody concerned, possibly more than once a key."""
        for change in changes:
            for listener in self._itself:
                if change.new is None or listener.declaration.minds(change.new):
                    listener.want(Key(*change.place))
        if self._owners:
            for change in changes:
                for state in _states(change):
                    self._wake_owner(state)
        for listener, mapper in self._mappers:
            _map(listener, mapper, changes)

    def _wake_owner(self, obj: Obj) -> None:
        reference = controller_of(obj)
        if reference is None:
            return
        group = reference.get("apiVersion", "").rpartition("/")[0]
        for listener, namespaced in self._owners.get((group, reference.get("kind", "")), ()):
            listener.want(Key(namespace_of(obj) if namespaced else "", reference.get("name", "")))


def _map(listener: Listener, mapper: Mapper, changes: Sequence[CacheChange]) -> None:
    view = listener.view()
    if isinstance(mapper, Among) and not view.count(mapper.kind):
        return
    for change in changes:
        try:
            for state in _states(change):
                for key in mapper(state, view):
                    if isinstance(key, Later):
                        listener.later(*key)
                    else:
                        listener.want(key)
        except Exception as bug:
            listener.bug(bug)


def _states(change: CacheChange) -> Iterable[Obj]:
    """Old and new state: an object that moved from one owner or selector to another concerns both."""
    if change.old is None or change.new is None:
        return (change.object,)
    return (change.old, change.new)


def kinds_of(declaration: Declaration) -> set[str]:
    """Every kind the controller needs in the cache."""
    return {declaration.reconciles, *declaration.owns, *declaration.watches, *declaration.reads}
