"""What a controller is shown: the cache at one moment, with the time of the look and stable names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from podo.api.kind import Obj
from podo.api.meta import name_of, uid_of
from podo.client.cache import Cache
from podo.reconcile.declare import Declaration, Key
from podo.reconcile.names import Sequence
from podo.values.selector import Selector, from_label_selector, from_map

Objects = list[Obj]


class CacheView:
    """A ``reconcile.declare.View`` for one pass over one key. The pass is synchronous: the cache stands still
    meanwhile."""

    def __init__(self, cache: Cache, now: float, declaration: Declaration, key: Key) -> None:
        self.now = now
        self._cache = cache
        self._declaration = declaration
        self._key = key

    def get(self, kind: str, name: str, namespace: str = "") -> Obj | None:
        return self._cache.get(kind, name, namespace)

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        return self._cache.list(kind, namespace)

    def count(self, kind: str) -> int:
        return self._cache.count(kind)

    def is_custom(self, kind: str) -> bool:
        source = self._cache.source(kind)
        return source is not None and source.is_custom

    def is_in_namespaces(self, kind: str) -> bool:
        source = self._cache.source(kind)
        return source is not None and source.namespaced

    def is_gone(self, uid: str) -> bool:
        return self._cache.is_gone(uid)

    def custom_kinds(self, *, namespaced: bool | None = None) -> tuple[str, ...]:
        sources = (self._cache.source(kind) for kind in sorted(self._cache.kinds))
        return tuple(one.kind for one in sources if one and one.is_custom and namespaced in (None, one.namespaced))

    def selected(self, kind: str, namespace: str, selector: object) -> Objects:
        parsed = _selector(selector)
        candidates = self._cache.labelled(kind, namespace, _equalities(parsed))
        return [obj for obj in candidates if parsed.matches(obj["metadata"].get("labels"))]

    def owned_by(self, owner: Obj, kind: str) -> Objects:
        return self._cache.controlled_by(uid_of(owner), kind)

    def dependents_of(self, uid: str) -> Objects:
        return self._cache.dependents_of(uid)

    def names(self, base: str, taken: Iterable[str]) -> Iterator[str]:
        """See ``reconcile.names``. What the cache knows of the kinds that the controller owns need not be in
        ``taken``."""
        namespace, kinds = self._key.namespace, self._declaration.owns
        owner = self._cache.get(self._declaration.reconciles, self._key.name, namespace)
        uid = uid_of(owner) if owner else ""
        living = {name_of(obj) for kind in kinds for obj in self._cache.controlled_by(uid, kind)} if uid else set()
        refused = set(taken)

        def in_use(name: str) -> bool:
            return name in refused or any(
                self._cache.get(kind, name, namespace) is not None or self._cache.was_deleted(kind, name, namespace)
                for kind in kinds
            )

        return Sequence(uid, base).after(living | refused, in_use)


def _selector(selector: object) -> Selector:
    if not isinstance(selector, Mapping):
        return from_label_selector(None)
    if isinstance(selector.get("matchLabels"), Mapping) or isinstance(selector.get("matchExpressions"), list):
        return from_label_selector(selector)
    return from_map(selector)


def _equalities(selector: Selector) -> dict[str, str]:
    """The labels that the selector fixes: what the cache's index can answer."""
    fixed = {}
    for requirement in selector.requirements:
        if requirement.operator in ("=", "==", "in") and len(requirement.values) == 1:
            fixed[requirement.key] = next(iter(requirement.values))
    return fixed
