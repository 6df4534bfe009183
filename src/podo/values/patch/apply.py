"""Server-side apply: merging a configuration into an object, who owns what afterwards, and conflicts between owners.

Managers are named by any value of the caller's. Nothing given is changed; results share parts with what is given.
Source: KEP-555; "Server-Side Apply" of the Kubernetes documentation ("Field management", "Merge strategy",
"Conflicts", "Transferring ownership").
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, TypeVar

from podo.values.fields import (
    EMPTY,
    LEAF,
    SELF,
    Fields,
    deep_difference,
    difference,
    intersection,
    is_member,
    union,
)
from podo.values.fields.compare import changes, fields_of, grouped
from podo.values.fields.elements import shown
from podo.values.fields.layout import UNKNOWN, Items, Keyed, Layout, Struct, settled
from podo.values.patch import PatchError

#: What managers are named by.
M = TypeVar("M", bound=Hashable)


class Conflicts(Exception):
    """The configuration changes fields that others own. ``fields``: manager -> the fields in question."""

    def __init__(self, fields: Mapping[Any, Fields]) -> None:
        super().__init__("conflicts with " + ", ".join(map(str, fields)))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class Applied(Generic[M]):
    """The object after an apply, and the fields of every manager that owns any."""

    obj: Any
    owned: dict[M, Fields]


def apply(
    live: Any,
    config: Any,
    layout: Layout,
    owned: Mapping[M, Fields],
    manager: M,
    *,
    force: bool = False,
    ignored: Fields = EMPTY,
) -> Applied[M]:
    """``live`` with ``config`` applied by ``manager``. ``ignored``: fields that this write cannot set, at the top.

    Raises Conflicts, unless ``force`` takes the fields over, and PatchError for a configuration that names an item of
    a list twice or not at all.
    """
    check(config, layout)
    wanted = deep_difference(fields_of(config, layout), ignored)
    after = {**owned, manager: wanted}
    merged = prune(merge(live, config, layout), layout, owned.get(manager, EMPTY), after)
    return Applied(merged, settle(live, merged, layout, after, manager, force=force, ignored=ignored))


def settle(
    live: Any,
    new: Any,
    layout: Layout,
    owned: Mapping[M, Fields],
    manager: M,
    *,
    force: bool,
    ignored: Fields = EMPTY,
) -> dict[M, Fields]:
    """Who owns what once ``manager`` has made ``new`` of ``live``. Others lose what is changed (or raise Conflicts)
    and what is gone.
    """
    written, removed = (deep_difference(one, ignored) for one in changes(live, new, layout))
    found: dict[M, Fields] = {}
    conflicts: dict[M, Fields] = {}
    for other, fields in owned.items():
        if other == manager:
            left = fields
        else:
            if common := intersection(fields, written):
                conflicts[other] = common
            left = difference(difference(fields, written), removed)
        if left:
            found[other] = left
    if conflicts and not force:
        raise Conflicts(conflicts)
    return found


def check(config: Any, layout: Layout | None, path: tuple[str, ...] = ()) -> None:
    """Whether the schema knows each field, and each item of a list can be told from the others. Raises PatchError."""
    layout = settled(layout, config)
    if config.__class__ is dict and layout.__class__ is Struct:
        for name, inner in config.items():
            element, of = layout.member(name)
            if of is UNKNOWN:
                raise PatchError(f"{shown((*path, element))}: field not declared in schema")
            if of is not None:
                check(inner, of, (*path, element))
    elif config.__class__ is list and isinstance(layout, Keyed | Items):
        seen: set[str] = set()
        for index, item in enumerate(config):
            _check_keys(item, index, layout, path)
            element_ = layout.path_element(item)
            if element_ is None:
                raise PatchError(f"{shown(path)}: element {index}: an item of a set must be a plain value")
            if element_ in seen:
                key = shown((element_,))
                raise PatchError(f"{shown(path)}: duplicate entries for key {key}")
            seen.add(element_)
            if isinstance(layout, Keyed):
                check(item, layout.element, (*path, element_))


def _check_keys(item: Any, index: int, layout: Keyed | Items, path: tuple[str, ...]) -> None:
    if not isinstance(layout, Keyed):
        return
    if item.__class__ is not dict:
        raise PatchError(f"{shown(path)}: element {index}: associative list with keys may not have non-map elements")
    for key, default in layout.keys.items():
        if item.get(key) is None and default is None:
            why = f'associative list with keys has an element that omits key field "{key}"'
            raise PatchError(f"{shown(path)}: element {index}: {why} (and doesn't have default value)")


def merge(live: Any, config: Any, layout: Layout | None) -> Any:
    """``live`` with all that ``config`` sets; null unsets a field."""
    layout = settled(layout, live, config)
    if layout.__class__ is Struct or layout is UNKNOWN:
        if config.__class__ is dict and live.__class__ is dict:
            return _merge_members(live, config, layout)
        return live if config is None and live else config
    if isinstance(layout, Keyed | Items):
        if config.__class__ is list and live.__class__ is list:
            return _merge_items(live, config, layout)
        return live if config is None and live else config
    return config


def _merge_members(live: dict[str, Any], config: dict[str, Any], layout: Any) -> dict[str, Any]:
    found = dict(live)
    for name, wanted in config.items():
        of = layout.member(name)[1] if layout.__class__ is Struct else None
        if name in live:
            wanted = merge(live[name], wanted, of)
        if wanted is None:
            found.pop(name, None)
        else:
            found[name] = wanted
    return found


def _merge_items(live: list[Any], config: list[Any], layout: Keyed | Items) -> list[Any]:
    theirs, ours = grouped(live, layout), grouped(config, layout)
    of = layout.element

    def merged(element: str) -> Any:
        known = theirs.get(element)
        # Of an item that the live list has twice, neither is a place to merge into.
        return merge(known[0], ours[element][0], of) if known and len(known) == 1 else ours[element][0]

    found: list[Any] = []
    for element, item in _woven(live, list(ours), theirs, layout):
        found.append(merged(element) if item is None else item)
    return found


def _woven(
    live: list[Any], wanted: list[str], theirs: Mapping[str, Any], layout: Keyed | Items
) -> Iterator[tuple[str, Any]]:
    """The order of a merged list: applied items in the applied order, and the others where they stand between them.

    Gives (element, None) for an applied item and ("", item) for one of the live list only.
    """
    places = [(layout.path_element(item), item) for item in live]
    applied = set(wanted)
    shared = iter([element for element in wanted if element in theirs])
    upcoming = next(shared, None)
    at = 0
    for element in wanted:
        while at < len(places):
            place, item = places[at]
            if place not in applied:
                yield "", item
            elif place == upcoming:
                break
            at += 1
        yield element, None
        if element == upcoming:
            upcoming = next(shared, None)
    for place, item in places[at:]:
        if place not in applied:
            yield "", item


def prune(merged: Any, layout: Layout, last: Fields, owned: Mapping[M, Fields]) -> Any:
    """``merged`` without what its manager owned by its ``last`` apply and nobody owns any more.

    An item goes with all that is in it, unless somebody else owns the item itself; a struct stays for what somebody
    owns of it.
    """
    everybody = reduce(union, owned.values(), EMPTY)
    orphaned = difference(last, everybody)
    if not orphaned:
        return merged
    # Members at the top do not depend on each other: most applies that remove something touch one.
    last, everybody = ({e: node for e, node in one.items() if e in orphaned} for one in (last, everybody))
    touched = {name: value for name, value in merged.items() if "f:" + name in orphaned}
    before = with_structs(last, layout)
    present = with_structs(fields_of(touched, layout), layout)
    first = _left(touched, before, layout)
    kept = union(first, with_structs(everybody, layout))
    second = _left(touched, difference(present, kept), layout)
    left = remove(touched, intersection(difference(present, second), before), layout) or {}
    return {name: left.get(name, value) for name, value in merged.items() if name in left or name not in touched}


def _left(merged: Any, gone: Fields, layout: Layout) -> Fields:
    """The fields of ``merged`` without those ``gone``; what is emptied by that is a field of its own."""
    return with_structs(fields_of(remove(merged, gone, layout, null=True), layout), layout)


def with_structs(fields: Fields, layout: Layout | None) -> Fields:
    """The set with the path of each member of a struct below which it holds a path."""
    found: Fields = {}
    for element, node in fields.items():
        if element == SELF or not node:
            found[element] = node
            continue
        of: Layout | None = None
        named = False
        if layout.__class__ is Struct:
            of = layout.member(element[2:])[1]
            named = not layout.is_map and of is not UNKNOWN and not (isinstance(of, Struct) and of.is_kept)
        elif isinstance(layout, Keyed):
            of = layout.element
        node = with_structs(node, settled(of, {}))
        found[element] = {SELF: LEAF, **node} if named and SELF not in node else node
    return found


def remove(value: Any, fields: Fields, layout: Layout | None, *, null: bool = False) -> Any:
    """``value`` without the fields of a set; None if nothing is left of it. ``null``: members of which nothing is left
    become null, rather than going.
    """
    layout = settled(layout, value)
    if value.__class__ is dict and layout.__class__ is Struct:
        return _remove_members(value, fields, layout, null) or None
    if value.__class__ is list and layout is not None and layout.is_list:
        return _remove_items(value, fields, layout, null) or None
    return value


def _remove_members(value: dict[str, Any], fields: Fields, layout: Any, null: bool) -> dict[str, Any]:
    found = {}
    for name, inner in value.items():
        element, of = layout.member(name)
        node = fields.get(element)
        if node is not None:
            if is_member(node):
                continue
            if inner:
                inner = remove(inner, node, of, null=null)
                if inner is None and not null:
                    continue
        found[name] = inner
    return found


def _remove_items(value: list[Any], fields: Fields, layout: Layout, null: bool) -> list[Any]:
    found = []
    for item in value:
        node = fields.get(layout.path_element(item) or "")
        if node is not None:
            if is_member(node):
                continue
            item = remove(item, node, layout.element, null=null)
            if item is None:
                continue
        found.append(item)
    return found
