"""Keeps the custom kinds that a server serves as the CustomResourceDefinitions in its store say.

A definition is looked at in the moment of its commit, so whoever reads the write that established it finds its kinds.
"""

from __future__ import annotations

from typing import Any

from podo.api.encoding import load
from podo.api.kind import Kind, Obj
from podo.api.kinds.apiextensions.customresourcedefinition import CUSTOMRESOURCEDEFINITION
from podo.apiserver.backend import Backend
from podo.apiserver.extension.conversion import converted_backend
from podo.authz.following import follow
from podo.runtime.log import Logger

log = Logger("podo.apiserver.extension")


class Definitions:
    """The definitions of one server. ``start`` reads them, and follows them from then on."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: dict[str, tuple[Any, tuple[Kind, ...]]] = {}

    async def start(self) -> None:
        await follow(self._backend.store, CUSTOMRESOURCEDEFINITION.prefix, self._told)

    def _told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        name = key.rpartition("/")[2]
        definition = load(value) if value is not None else None
        shape = _shape(definition) if definition is not None else None
        old_shape, old = self._known.get(name, (None, ()))
        if shape == old_shape:
            return
        kinds = self._made(name, definition) if definition is not None else ()
        self._known[name] = (shape, kinds)
        if not kinds:
            del self._known[name]
        self._backend.kinds.define(name, kinds)
        self._convert(definition, kinds, old)
        for kind in old:
            self._backend.fanout.end(kind)

    def _made(self, name: str, definition: Obj) -> tuple[Kind, ...]:
        from podo.apiserver.extension.customkinds import kinds_of  # with the first definition

        try:
            return kinds_of(definition)
        except Exception as bug:  # one definition must not keep the others from being served
            log.error("a definition cannot be served", bug, definition=name)
            return ()

    def _convert(self, definition: Obj | None, kinds: tuple[Kind, ...], old: tuple[Kind, ...]) -> None:
        """Kinds that a webhook converts see the store through it."""
        converting = self._backend.converting
        for kind in old:
            converting.pop(kind, None)
        if definition is not None and (definition["spec"].get("conversion") or {}).get("strategy") == "Webhook":
            for kind in kinds:
                converting[kind] = converted_backend(self._backend, definition, kind)


def _shape(definition: Obj) -> Any:
    """All of a definition that its kinds are made from."""
    status = definition.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    wanted = {name: conditions.get(name) for name in ("Established", "Terminating")}
    found = definition["metadata"]
    return found.get("uid"), found.get("generation"), definition["spec"], status.get("acceptedNames"), wanted
