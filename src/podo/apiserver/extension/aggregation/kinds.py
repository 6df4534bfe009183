"""Which kinds extension API servers answer for, by what these have last said of themselves: for those in this process
that look at objects of every kind (garbage collection, the end of a namespace)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podo.apiserver.extension.aggregation.merging import Known

#: What a kind must allow to be collected: upstream's.
_COLLECTABLE = frozenset({"list", "watch", "delete"})


@dataclass(frozen=True, slots=True)
class ExtensionKind:
    """``name``: ``group/Kind``, as clients name it."""

    name: str
    namespaced: bool


def kinds_of(known: Known) -> tuple[frozenset[str], tuple[ExtensionKind, ...]]:
    """The names of all kinds (with and without their versions), and those that can be collected. Pure."""
    names: set[str] = set()
    found: dict[str, ExtensionKind] = {}
    for extension, documents in known:
        for resource in documents.resources or ():
            kind = (resource.get("responseKind") or {}).get("kind")
            if not kind:
                continue
            name = f"{extension.group}/{kind}"
            names |= {name, f"{extension.group_version}/{kind}"}
            if set(resource.get("verbs") or ()) >= _COLLECTABLE:
                found.setdefault(name, ExtensionKind(name, resource.get("scope") == "Namespaced"))
    return frozenset(names), tuple(found.values())


class ExtensionKinds:
    """Of one server; false while there are none. ``listeners`` are called when the kinds have changed."""

    def __init__(self, known: Callable[[], Known]) -> None:
        self._known = known
        self._names: frozenset[str] = frozenset()
        self.collectable: tuple[ExtensionKind, ...] = ()
        self.listeners: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def look(self) -> None:
        """Some server has said something new of itself, or is no longer there."""
        self._names, collectable = kinds_of(self._known())
        if collectable != self.collectable:
            self.collectable = collectable
            for listener in self.listeners:
                listener()
