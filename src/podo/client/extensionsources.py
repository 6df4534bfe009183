"""Keeps in a cache the kinds of extension API servers that can be collected, as they come and go."""

from __future__ import annotations

from collections.abc import Iterable

from podo.client.cache import Cache
from podo.client.reflector import Source


class ExtensionSources:
    """Begins and ends the following of such kinds."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._followed: dict[str, Source] = {}

    def follow(self, wanted: Iterable[tuple[str, bool]]) -> None:
        """From now on these, by name (``group/Kind``), and whether they live in namespaces."""
        sources = {name: Source(name, is_custom=True, namespaced=namespaced) for name, namespaced in wanted}
        for name, source in list(self._followed.items()):
            if sources.get(name) != source:
                del self._followed[name]
                self._cache.release(name)
        for name, source in sources.items():
            if name not in self._followed:
                self._followed[name] = source
                self._cache.require([source])
