"""The kinds a server serves: built-in ones, the same for every server, and the custom kinds of its own store.

Built-in kinds are those of the registry, which are stored, and those that are only answered: reviews and
ComponentStatus. Custom kinds come and go with CustomResourceDefinitions; what is asked of built-in kinds costs the same
however many there are.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api import registry
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.componentstatus import COMPONENTSTATUS
from podo.api.registry import UnknownKind
from podo.apiserver import reviews
from podo.values.versions import priority

_ANSWERED = (*reviews.KINDS, COMPONENTSTATUS)
_BUILT_IN: tuple[Kind, ...] = (*registry.all_kinds(), *_ANSWERED)
_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in _ANSWERED}
Kinds = tuple[Kind, ...]


def all_kinds() -> Kinds:
    """The built-in kinds."""
    return _BUILT_IN


def resource(group: str, version: str, plural: str) -> Kind | None:
    """The built-in kind served at ``/apis/{group}/{version}/.../{plural}``, or None."""
    return registry.resource(group, version, plural) or _BY_PATH.get((group, version, plural))


class Served:
    """One value a server: the built-in kinds and its custom ones."""

    def __init__(self) -> None:
        self._definitions: dict[str, Kinds] = {}
        self._custom: Kinds = ()
        self._by_resource: dict[tuple[str, str, str], Kind] = {}
        self._by_type: dict[tuple[str, str], Kind] = {}
        self._by_name: dict[str, Kind] = {}
        #: Told after each change of the custom kinds.
        self.listeners: list[Callable[[], None]] = []

    def define(self, definition: str, kinds: Kinds) -> None:
        """From now on the CustomResourceDefinition of this name gives ``kinds``: one a served version; () is none."""
        if kinds:
            self._definitions[definition] = kinds
        else:
            self._definitions.pop(definition, None)
        found = [kind for defined in self._definitions.values() for kind in defined]
        found.sort(key=lambda kind: (kind.group, priority(kind.version), kind.plural))
        self._custom = tuple(found)
        self._by_resource = {(kind.group, kind.version, kind.plural): kind for kind in found}
        self._by_type = {(kind.api_version, kind.kind): kind for kind in found}
        self._by_name = {}
        for kind in found:
            for name in (kind.kind, f"{kind.group}/{kind.kind}", f"{kind.api_version}/{kind.kind}"):
                self._by_name.setdefault(name, kind)
        for told in self.listeners:
            told()

    @property
    def custom(self) -> Kinds:
        """The custom kinds by group, preferred version first."""
        return self._custom

    def all_kinds(self) -> Kinds:
        return (*_BUILT_IN, *self._custom) if self._custom else _BUILT_IN

    def serves(self, kind: Kind) -> bool:
        """Is this very kind, not one that has taken its place, a custom kind that is served?"""
        return self._by_resource.get((kind.group, kind.version, kind.plural)) is kind

    def custom_resource(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_resource.get((group, version, plural))

    def named(self, name: str) -> Kind:
        """As ``registry.named``; a custom kind without a version is the preferred one. Raises UnknownKind."""
        try:
            return registry.named(name)
        except UnknownKind:
            if name in self._by_name:
                return self._by_name[name]
            raise

    def of(self, obj: Obj) -> Kind:
        """As ``registry.of``. Raises UnknownKind."""
        try:
            return registry.of(obj)
        except UnknownKind:
            found = self._by_type.get((obj.get("apiVersion", ""), obj.get("kind", "")))
            if found is None:
                raise
            return found
