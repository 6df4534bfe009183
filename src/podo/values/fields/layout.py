"""How a value divides into fields that can be owned one by one: what server-side apply must know of a schema.

A layout is made once a type by whoever knows types, and is immutable from then on. Lists merge by keys (``Keyed``) or
as sets (``Items``); structs and maps divide into members; everything else is one field (``Atom``, or None).
Source: "Merge strategy" of the Server-Side Apply documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

from podo.values.fields import elements


class Layout:
    """What all layouts answer. ``is_skipped``: nobody owns such a value; ``is_list``: a list that merges."""

    __slots__ = ()
    is_skipped: ClassVar[bool] = False
    is_list: ClassVar[bool] = False

    @property
    def element(self) -> Layout | None:
        """The layout of the items of a list that merges."""
        return None

    def path_element(self, item: Any) -> str | None:
        """What an item of a list that merges is known by; None for one that cannot be."""
        return None


class Struct(Layout):
    """An object with named members. ``find`` gives a member's layout: None for one field, ``UNKNOWN`` if there is no
    such member, ``UNTRACKED`` for one that nobody owns. ``is_map``: every name is a member, and none is there unless
    it is given. ``is_kept``: it never goes as a whole.
    """

    __slots__ = ("_find", "_known", "is_kept", "is_map")

    def __init__(self, find: Callable[[str], Layout | None], *, is_map: bool = False, is_kept: bool = False) -> None:
        self._find = find
        self.is_kept = is_kept
        self._known: dict[str, tuple[str, Layout | None]] = {}
        self.is_map = is_map

    def member(self, name: str) -> tuple[str, Layout | None]:
        """The path element of a member, and its layout."""
        known = self._known.get(name)
        if known is None:
            known = ("f:" + name, self._find(name))
            if not self.is_map:  # the names of a map are the users': without end
                self._known[name] = known
        return known


class Keyed(Layout):
    """A list whose items are known by the values of ``keys`` (name to default, None where there is none)."""

    __slots__ = ("_element", "_find", "keys")
    is_list = True

    def __init__(self, keys: dict[str, Any], element: Layout | None) -> None:
        self.keys = dict(sorted(keys.items()))
        self._element = element
        self._find = lru_cache(2048, typed=True)(self._made)

    @property
    def element(self) -> Layout | None:
        return self._element

    def path_element(self, item: Any) -> str | None:
        """``k:{"name":"web"}``; None for an item that has no key."""
        if item.__class__ is not dict:
            return None
        try:
            return self._find(*[item.get(key, default) for key, default in self.keys.items()])
        except TypeError:  # a key that is a list or an object
            return None

    def _made(self, *values: Any) -> str | None:
        found = {key: value for key, value in zip(self.keys, values, strict=True) if value is not None}
        return elements.of_keys(found) if found else None


class Items(Layout):
    """A list of plain values that is a set."""

    __slots__ = ()
    is_list = True

    def path_element(self, item: Any) -> str | None:
        return None if isinstance(item, dict | list) else elements.of_value(item)


class Deduced(Layout):
    """A value without a schema: objects divide into members, everything else is one field."""

    __slots__ = ()

    def of(self, *values: Any) -> Struct | None:
        return _FREE if any(value.__class__ is dict for value in values) else None


class Skipped(Layout):
    """A value nobody owns."""

    __slots__ = ()
    is_skipped = True


DEDUCED = Deduced()
_FREE = Struct(lambda name: DEDUCED, is_map=True)
UNKNOWN = Skipped()
UNTRACKED = Skipped()


def settled(layout: Layout | None, *values: Any) -> Layout | None:
    """The layout with a value without a schema decided by what it is."""
    return layout.of(*values) if layout.__class__ is Deduced else layout
