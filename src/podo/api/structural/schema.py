"""A structural schema as a whole: what a custom kind has in place of a type of the schema table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from podo.api.kind import Obj, Problem
from podo.api.rules import Found
from podo.api.structural import defaulting, embedded, layouts, listtypes, pruning, publishing, validating
from podo.api.structural.correlating import ABSENT
from podo.api.structural.rules import Rules
from podo.api.structural.walking import EMBEDDED, RESOURCE_FIELDS, Schema
from podo.values.fields.layout import Struct

#: What a schema may say of an object's metadata.
_NAMES = ("name", "generateName")
#: What keeps the rules from being asked: they may rely on the shape of what they are shown, and on its size.
_BLOCKING = frozenset({"FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"})
_NOT_ASKED = Problem(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)


class StructuralSchema:
    """Each part is compiled when it is first needed. ``of``: the kind that the schema is of.

    ``schema`` is ``spec.versions[].schema.openAPIV3Schema`` of a CustomResourceDefinition whose rules hold.
    """

    def __init__(self, schema: Schema, group: str, version: str, kind: str) -> None:
        self.schema = schema
        self.group, self.version, self.kind = group, version, kind
        #: What there is of an object before anything is set (server-side apply).
        self.blank: Obj = {"metadata": {}}

    # -- writes ------------------------------------------------------------------------------------------------------

    def decode(self, obj: Obj) -> list[str]:
        """Bring a body into the stored form, in place: unknown fields go. A message for each of them.

        Raises WrongType for metadata that is none; everything else is for ``problems`` to judge.
        """
        unknown: list[str] = []
        make_whole(obj)
        embedded.coerce_metadata(obj, None, unknown)
        if self._coerce is not None:
            self._coerce(obj, None, unknown)
        if self._prune is not None:
            self._prune(obj, None, unknown)
        return unknown

    def fill_in(self, obj: Obj) -> None:
        """Defaults, in place."""
        if self._fill is not None:
            self._fill(obj)

    def problems(self, new: Obj, old: Obj | None) -> Iterable[Problem]:
        """All that is wrong with an object; on update only what has to do with the change."""
        checked = _without_metadata(new)
        found: Found = []
        self._validate(checked, ABSENT, None, found)
        before = ABSENT if old is None else _without_metadata(old)
        if found and old is not None:
            found = []
            self._validate(checked, before, None, found)
        if self._find_twice is not None:
            found.extend(self._items_twice(new, old, self._find_twice))
        if self._check_embedded is not None:
            self._check_embedded(new, None, found)
        if self.rules.some:
            blocked = any(problem.reason in _BLOCKING for problem in found)
            found.extend((_NOT_ASKED,) if blocked else self.rules.problems(new, old))
        return found

    def _items_twice(self, new: Obj, old: Obj | None, find: listtypes.Check) -> Found:
        """None are told of an object that had such items before."""
        found: Found = []
        find(new, None, found)
        if found and old is not None:
            former: Found = []
            find(old, None, former)
            if former:
                return []
        return found

    # -- reads -------------------------------------------------------------------------------------------------------

    def prune(self, obj: Obj) -> None:
        """Take out what this schema does not know, in place."""
        if self._prune is not None:
            self._prune(obj, None, [])

    def read(self, obj: Obj) -> None:
        """Bring a stored object, which an earlier schema may have let in, into the form of this one, in place."""
        self.prune(obj)
        self.fill_in(obj)

    @property
    def fields(self) -> Iterable[str]:
        """The names of the fields on the top of an object, as far as they are known."""
        return {*RESOURCE_FIELDS, *(self.schema.get("properties") or {})}

    # -- server-side apply, documents --------------------------------------------------------------------------------

    @cached_property
    def layout(self) -> Struct:
        return layouts.layout_of(self.schema)

    @property
    def name(self) -> str:
        """The name in the OpenAPI documents: ``com.example.stable.v1.CronTab``."""
        return publishing.definition_name(self.group, self.version, self.kind)

    def published(self, version: int) -> dict[str, Any]:
        """The schema of the OpenAPI documents of version 2 or 3."""
        return publishing.definition(self.schema, version)

    # -- the compiled parts ------------------------------------------------------------------------------------------

    @cached_property
    def _coerce(self) -> embedded.Coerce | None:
        return embedded.coercer({**self.schema, EMBEDDED: False})

    @cached_property
    def _prune(self) -> pruning.Prune | None:
        return pruning.pruner(self.schema, is_resource=True)

    @cached_property
    def _fill(self) -> defaulting.Fill | None:
        return defaulting.defaulter(self.schema)

    @cached_property
    def _validate(self) -> validating.Check:
        return validating.validator(_of_content(self.schema))

    @cached_property
    def _find_twice(self) -> listtypes.Check | None:
        return listtypes.checker(self.schema)

    @cached_property
    def _check_embedded(self) -> embedded.Check | None:
        return embedded.checker({**self.schema, EMBEDDED: False})

    @cached_property
    def rules(self) -> Rules:
        return Rules(self.schema)


#: Beyond this a float does not tell one whole number from the next.
_EXACT = 2.0**53


def make_whole(value: Any) -> None:
    """Numbers such as 1.0 become whole ones, in place: other implementations write and read them as ``1``."""
    for key, inner in value.items() if value.__class__ is dict else enumerate(value):
        kind = inner.__class__
        if kind is dict or kind is list:
            make_whole(inner)
        elif kind is float and inner.is_integer() and -_EXACT <= inner <= _EXACT:
            value[key] = int(inner)


def _of_content(schema: Schema) -> Schema:
    """Without what every resource has (its rules are elsewhere), but for what the schema says of the name."""
    inner = dict(schema.get("properties") or {})
    for name in ("apiVersion", "kind"):
        inner.pop(name, None)
    if "metadata" in inner:
        named = inner["metadata"].get("properties") or {}
        inner["metadata"] = {"type": "object", "properties": {k: v for k, v in named.items() if k in _NAMES}}
    made = {**schema, "properties": inner}
    if schema.get("required"):
        made["required"] = [name for name in schema["required"] if name not in RESOURCE_FIELDS]
    return made


def _without_metadata(obj: Obj) -> Obj:
    found = obj["metadata"]
    return {**obj, "metadata": {name: found[name] for name in _NAMES if name in found}}
