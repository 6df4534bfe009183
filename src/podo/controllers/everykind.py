"""The kinds that controllers of everything (garbage collection, namespaces) look at, named as clients and the cache
name them.
"""

from __future__ import annotations

from functools import lru_cache

from podo.api import registry
from podo.api.kind import Kind, Obj

#: Events come and go in great numbers, own nothing and are owned by nothing: nobody keeps them for these controllers.
_LEFT_OUT = frozenset({"Event", "events.k8s.io/Event"})


def name_for(kind: Kind) -> str:
    """``Pod``, or ``group/Kind`` where the bare name means another group's."""
    return kind.kind if registry.named(kind.kind) is kind else f"{kind.group}/{kind.kind}"


def deletable() -> tuple[str, ...]:
    """Stored kinds whose objects can be deleted, without Events."""
    kinds = [kind for kind in registry.all_kinds() if "delete" in kind.verbs and kind.stored_as is None]
    return tuple(name for kind in kinds if (name := name_for(kind)) not in _LEFT_OUT)


def named_by(reference: Obj) -> str | None:
    """The kind that an owner reference (or any apiVersion and kind) means; None where it is not known."""
    return _known(reference["apiVersion"], reference["kind"])


@lru_cache(maxsize=1024)
def _known(api_version: str, kind: str) -> str | None:
    try:
        return name_for(registry.of({"apiVersion": api_version, "kind": kind}))
    except registry.UnknownKind:
        return None


def is_namespaced(name: str) -> bool:
    return registry.named(name).namespaced
