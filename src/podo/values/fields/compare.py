"""Which fields a value has, and which differ between two values of one layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podo.values.fields import LEAF, SELF, Fields
from podo.values.fields.layout import DEDUCED, Items, Keyed, Layout, Struct, settled

#: (written, removed).
Changes = tuple[Fields, Fields]
_NONE: Changes = (LEAF, LEAF)


def fields_of(value: Any, layout: Layout | None) -> Fields:
    """The fields an applied configuration sets, which its manager then owns: single fields, items of lists, members of
    maps, and structs that are empty; of a merged list only its items.
    """
    return _node(value, layout) or {}


def _node(value: Any, layout: Layout | None) -> Fields | None:
    """The node of a value: None if nothing of it is a field."""
    layout = settled(layout, value)
    found: Fields = {}
    if layout.__class__ is Struct and value.__class__ is dict:
        for name, inner in value.items():
            element, of = layout.member(name)
            if of is not None and of.is_skipped:
                continue
            below = _node(inner, of)
            if layout.is_map:
                found[element] = _member(below)
            elif below is not None:
                found[element] = below
        return found if found or not value else None
    if layout is None or not layout.is_list or value.__class__ is not list:
        return LEAF
    for item in value:
        key = layout.path_element(item)
        if key is not None:
            found[key] = _member(_node(item, layout.element))
    return found or None


def _member(below: Fields | None) -> Fields:
    """The node of a path that is in the set, whatever is below it."""
    return {SELF: LEAF, **below} if below else LEAF


def whole(value: Any, layout: Layout | None) -> Fields:
    """A node for everything in a value that is new (or gone) as a whole: every path, those of structs too."""
    if layout is None or not value:
        return LEAF
    if layout is DEDUCED:
        layout = settled(layout, value)
    if layout.__class__ is Struct:
        if value.__class__ is not dict:
            return LEAF
        found: Fields = {SELF: LEAF}
        member = layout.member
        for name, inner in value.items():
            element, of = member(name)
            if of is None:
                found[element] = LEAF
            elif not of.is_skipped:
                found[element] = whole(inner, of)
        return found
    if layout is None or not layout.is_list or value.__class__ is not list:
        return LEAF
    found = {SELF: LEAF}
    of = layout.element
    for item in value:
        key = layout.path_element(item)
        if key is not None:
            found[key] = whole(item, of)
    return found


def changes(old: Any, new: Any, layout: Layout | None) -> Changes:
    """(written, removed): the paths that are new or differ, and those that are gone."""
    if old == new:
        return _NONE
    written, removed, _ = _compare(old, new, layout)
    return written, removed


def _compare(old: Any, new: Any, layout: Layout | None) -> tuple[Fields, Fields, bool]:
    """What differs below, and whether the value itself does. ``old`` and ``new`` are not equal."""
    if layout is DEDUCED:
        layout = settled(layout, old, new)
    if not old and not new:
        return LEAF, LEAF, True
    if layout.__class__ is Struct and _are(dict, old, new):
        return _compare_members(old or {}, new or {}, layout.member)
    if isinstance(layout, Keyed | Items) and _are(list, old, new):
        return _compare_items(old or (), new or (), layout)
    return LEAF, LEAF, True


def _are(wanted: type, old: Any, new: Any) -> bool:
    return (old is None or old.__class__ is wanted) and (new is None or new.__class__ is wanted)


def _compare_members(
    old: dict[str, Any], new: dict[str, Any], member: Callable[[str], tuple[str, Layout | None]]
) -> tuple[Fields, Fields, bool]:
    written: Fields = {}
    removed: Fields = {}
    for name, after in new.items():
        if name in old:
            before = old[name]
            if before is after or before == after:  # much is shared with what is stored
                continue
            element, layout = member(name)
            if layout is None or not layout.is_skipped:
                _note(element, before, after, layout, written, removed)
        else:
            element, layout = member(name)
            if layout is None or not layout.is_skipped:
                written[element] = whole(after, layout)
    if len(old) > len(new) or not old.keys() <= new.keys():
        for name in old.keys() - new.keys():
            element, layout = member(name)
            if layout is None or not layout.is_skipped:
                removed[element] = whole(old[name], layout)
    return written, removed, False


def _note(element: str, before: Any, after: Any, layout: Layout | None, written: Fields, removed: Fields) -> None:
    """Enter the difference between two values, which are not equal, under their element."""
    if layout is None:
        written[element] = LEAF
        return
    more, less, itself = _compare(before, after, layout)
    if itself:
        written[element] = LEAF
    if more:
        written[element] = more
    if less:
        removed[element] = less


def _compare_items(old: Any, new: Any, layout: Keyed | Items) -> tuple[Fields, Fields, bool]:
    written: Fields = {}
    removed: Fields = {}
    before, after = grouped(old, layout), grouped(new, layout)
    of = layout.element
    for element, items in after.items():
        mine = before.get(element)
        if mine is None:
            written[element] = whole(items[0], of)
        elif mine != items:
            if len(mine) == len(items) == 1:
                _note(element, mine[0], items[0], of, written, removed)
            else:
                written[element] = whole(items[0], of)
    for element, items in before.items():
        if element not in after:
            removed[element] = whole(items[0], of)
    return written, removed, False


def grouped(items: Any, layout: Keyed | Items) -> dict[str, list[Any]]:
    """The items of a list by their path elements; more than one item where the list has duplicates."""
    found: dict[str, list[Any]] = {}
    for item in items:
        element = layout.path_element(item)
        if element is not None:
            found.setdefault(element, []).append(item)
    return found
