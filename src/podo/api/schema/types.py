"""The types of the API: what fields an object has, and a decoder made from that once, when it is first needed.

The same values stand for built-in types (read from the table) and, later, for those of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from podo.api.schema.mismatch import WrongType, name_of
from podo.api.schema.scalars import DECODERS, GO_NAMES, PLAIN, ZERO, Decoder
from podo.api.structural.walking import path_text

#: Not more messages than this are gathered for one object.
MAX_MESSAGES = 100
_INT32 = 2**31


@dataclass(frozen=True)
class Shape:
    """What a value looks like. ``form``: a scalar's name (see ``scalars.DECODERS``), ``list``, ``map`` or ``struct``.

    ``item``: the shape of a list's or a map's elements. ``resolve``: gives a struct's type; called late, because types
    refer to each other in circles.
    """

    form: str
    item: Shape | None = None
    resolve: Callable[[], Type] | None = None

    @cached_property
    def type(self) -> Type | None:
        """The type of a struct."""
        return self.resolve() if self.resolve else None

    @property
    def go_name(self) -> str:
        if self.item is not None:
            return ("[]" if self.form == "list" else "map[string]") + self.item.go_name
        return self.type.go_name if self.type else GO_NAMES.get(self.form, self.form)

    def decoder(self, install: Callable[[Decoder], None]) -> Decoder:
        """A decoder for now; a better one, if there will be one, goes to ``install`` when the first value arrives."""
        if self.form == "list":
            return _list_decoder(self)
        if self.form == "map":
            return _map_decoder(self)
        if self.resolve is None:
            return DECODERS[self.form]
        return _struct_decoder(self, install)

    def zero(self) -> Any:
        """What null becomes as an element of a list or map."""
        return {} if self.resolve else ZERO.get(self.form)


@dataclass(frozen=True)
class Field:
    """A field of a type. ``more``: facts as the table has them (strategy, mergeKey, listType, mapKeys, mapType, enum,
    default).
    """

    name: str
    shape: Shape
    more: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _strategies(self) -> frozenset[str]:
        return frozenset(self.more.get("strategy", "").split(","))

    @property
    def merges(self) -> bool:
        """A strategic merge patch merges this list, or this object's members."""
        return "merge" in self._strategies

    @property
    def replaces(self) -> bool:
        """A strategic merge patch replaces this object as a whole."""
        return "replace" in self._strategies

    @property
    def merge_key(self) -> str:
        """The member by which a strategic merge patch finds a list's elements; "" for a list of plain values."""
        return str(self.more.get("mergeKey", ""))

    @property
    def list_type(self) -> str:
        """``atomic``, ``set`` or ``map`` (server-side apply); "" when it is not said."""
        return str(self.more.get("listType", ""))

    @property
    def map_keys(self) -> tuple[str, ...]:
        """The members that together identify an element of a list of type ``map``."""
        return tuple(self.more.get("mapKeys", ()))

    @property
    def element(self) -> Type | MapType | None:
        """The type of the object, or of the list's elements; a map is a type too. None where these are plain values."""
        shape = self.shape.item if self.shape.form == "list" else self.shape
        if shape is None:
            return None
        return MapType(shape) if shape.form == "map" else shape.type


@dataclass(frozen=True)
class MapType:
    """A map as strategic merge sees it: every name is a field of the same shape."""

    shape: Shape

    def field(self, name: str) -> Field | None:
        return Field(name, self.shape.item) if self.shape.item else None


@dataclass(eq=False)
class Type:
    """An object type.

    ``name``: as in OpenAPI, ``io.k8s.api.core.v1.PodSpec``. ``kinds``: the (group, version, kind) it is served as.
    ``preserves``: fields that are not listed are kept and not reported (``x-kubernetes-preserve-unknown-fields``).
    """

    name: str
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str, str], ...] = ()
    map_type: str = ""  # "atomic": server-side apply replaces it as a whole
    preserves: bool = False

    def field(self, name: str) -> Field | None:
        return self.fields.get(name)

    @property
    def struct(self) -> str:
        """``PodSpec``."""
        return self.name.rpartition(".")[2]

    @property
    def go_name(self) -> str:
        """``v1.PodSpec``."""
        return ".".join(self.name.split(".")[-2:])

    @cached_property
    def decoder(self) -> Decoder:
        """The compiled ``decode``; made at first use."""
        return _compile(self)

    def decode(self, obj: Any) -> list[str]:
        """Check a decoded JSON object of this type and bring it into the stored form, in place and in one walk.

        Unknown fields and explicit nulls are removed; quantities, times and bytes become canonical. Returns a message
        for each unknown field, e.g. ``unknown field "spec.foo"``. Raises WrongType; the object is then half done.
        """
        unknown: list[str] = []
        self.decoder(obj, None, unknown)
        return unknown


def _compile(of: Type) -> Decoder:
    plain = {name: PLAIN[f.shape.form] for name, f in of.fields.items() if f.shape.form in PLAIN}
    plain_class = plain.get
    decoders: dict[str, Decoder] = {}
    for name, f in of.fields.items():
        decoders[name] = f.shape.decoder(partial(decoders.__setitem__, name))
    decoder_of = decoders.get
    struct, go_name, preserves = of.struct, of.go_name, of.preserves

    def decode(value: Any, path: Any, unknown: list[str]) -> Any:
        if value.__class__ is not dict:
            raise WrongType(name_of(value), go_name)
        drop: list[str] = []
        key = ""
        try:
            for key, inner in value.items():
                wanted = plain_class(key)
                if wanted is inner.__class__ and (wanted is not int or -_INT32 <= inner < _INT32):  # type: ignore[operator]
                    continue
                decoder = decoder_of(key)
                if decoder is None:
                    if preserves:
                        continue
                    if len(unknown) < MAX_MESSAGES:
                        unknown.append(f'unknown field "{path_text((path, key))}"')
                elif inner is not None:
                    made = decoder(inner, (path, key), unknown)
                    if made is not inner:
                        value[key] = made
                    continue
                drop.append(key)
        except WrongType as problem:
            problem.inside(struct, key)
            raise
        for key in drop:
            del value[key]
        return value

    return decode


def _struct_decoder(shape: Shape, install: Callable[[Decoder], None]) -> Decoder:
    """Compiles the type when the first value arrives: types refer to each other in circles, and most are never met."""

    def decode(value: Any, path: Any, unknown: list[str]) -> Any:
        assert shape.type is not None
        install(shape.type.decoder)
        return shape.type.decoder(value, path, unknown)

    return decode


def _list_decoder(shape: Shape) -> Decoder:
    item = shape.item
    assert item is not None
    plain = str if item.form == "string" else None
    decode_item = DECODERS["any"]  # until the item's own is known, two lines below

    def install(better: Decoder) -> None:
        nonlocal decode_item
        decode_item = better

    decode_item = item.decoder(install)

    def decode(value: Any, path: Any, unknown: list[str]) -> Any:
        if value.__class__ is not list:
            raise WrongType(name_of(value), shape.go_name)
        for index, inner in enumerate(value):
            if inner.__class__ is plain:
                continue
            made = item.zero() if inner is None else decode_item(inner, (path, index), unknown)
            if made is not inner:
                value[index] = made
        return value

    return decode


def _map_decoder(shape: Shape) -> Decoder:
    item = shape.item
    assert item is not None
    plain = str if item.form == "string" else None
    decode_item = DECODERS["any"]  # until the item's own is known, two lines below

    def install(better: Decoder) -> None:
        nonlocal decode_item
        decode_item = better

    decode_item = item.decoder(install)

    def decode(value: Any, path: Any, unknown: list[str]) -> Any:
        if value.__class__ is not dict:
            raise WrongType(name_of(value), shape.go_name)
        for key, inner in value.items():
            if inner.__class__ is plain:
                continue
            made = item.zero() if inner is None else decode_item(inner, (path, key), unknown)
            if made is not inner:
                value[key] = made
        return value

    return decode
