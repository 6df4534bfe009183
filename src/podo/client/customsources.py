"""Keeps in a cache the custom kinds that are served, as the CustomResourceDefinitions in the same cache say."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import condition_is_true
from podo.client.cache import Cache, Changes
from podo.client.reflector import Source

DEFINITION = "CustomResourceDefinition"


def source_of(definition: Obj) -> Source | None:
    """What there is to follow of a definition's kind; None before its names are accepted."""
    if not condition_is_true(definition, "Established"):
        return None
    spec = definition["spec"]
    is_served = any(version.get("served") for version in spec["versions"])
    if not is_served and "deletionTimestamp" not in definition["metadata"]:
        return None
    name = f"{spec['group']}/{spec['names']['kind']}"
    return Source(name, is_custom=True, namespaced=spec["scope"] == "Namespaced")


class CustomSources:
    """Begins and ends the following of custom kinds."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._of: dict[str, Source] = {}  # by the definition's name
        cache.subscribe(self._changed)

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        if kind != DEFINITION:
            return
        for change in changes:
            wanted = source_of(change.new) if change.new is not None else None
            known = self._of.get(change.place.name)
            if wanted == known:
                continue
            if known is not None:
                del self._of[change.place.name]
                self._cache.release(known.kind)
            if wanted is not None:
                self._of[change.place.name] = wanted
                self._cache.require([wanted])
