"""Sets of field paths in their wire form (FieldsV1 of ``metadata.managedFields``), and the algebra of such sets.

A set is a tree of dicts. A key is a path element: ``f:name`` (a member of an object), ``k:{"name":"web"}`` (an element
of a list, by its keys), ``v:"x"`` (an element of a set, by its value), ``i:0`` (by its place). The path that leads to
a node is in the set if the node is empty or holds ``.``. The root itself is never in a set: ``{}`` is the empty set.

Sets are never changed in place; results share parts with what they are made of. Source: KEP-555, API reference
"FieldsV1".
"""

from __future__ import annotations

from collections.abc import Iterator

#: ``dict[str, Fields]``; a recursive alias would cost every reader more than it tells.
Fields = dict[str, "Fields"]

SELF = "."
#: A path without anything below it.
LEAF: Fields = {}
EMPTY: Fields = {}

Path = tuple[str, ...]


def union(one: Fields, other: Fields) -> Fields:
    """Every path of either set; ``one`` itself if it has all of them."""
    if not one or one is other:
        return other
    if not other:
        return one
    found = one
    for element, theirs in other.items():
        mine = one.get(element)
        both = theirs if mine is None else _union_nodes(mine, theirs)
        if both is not mine:
            if found is one:
                found = dict(one)
            found[element] = both
    return found


def _union_nodes(one: Fields, other: Fields) -> Fields:
    if one and other:
        return union(one, other)
    below = other or one
    return below if not below or SELF in below else {SELF: LEAF, **below}


def difference(one: Fields, other: Fields) -> Fields:
    """The paths of ``one`` that are not in ``other``; what is below a path of ``other`` stays."""
    return _subtract(one, other, False) if one and other else one


def deep_difference(one: Fields, other: Fields) -> Fields:
    """The paths of ``one`` that are neither in ``other`` nor below a path of it."""
    return _subtract(one, other, True) if one and other else one


def _subtract(one: Fields, other: Fields, deep: bool) -> Fields:
    found = one
    for element, theirs in other.items():
        mine = one.get(element)
        if mine is None or element == SELF:
            continue
        left = _subtract_nodes(mine, theirs, deep)
        if left is mine:
            continue
        if found is one:
            found = dict(one)
        if left is None:
            del found[element]
        else:
            found[element] = left
    return found


def _subtract_nodes(mine: Fields, theirs: Fields, deep: bool) -> Fields | None:
    """What is left of a node; None if nothing is."""
    taken = is_member(theirs)
    if not mine:
        return None if taken else mine
    if taken and deep:
        return None
    below = _subtract(mine, theirs, deep)
    if SELF in below:
        if taken:
            below = {element: node for element, node in below.items() if element != SELF}
        elif len(below) == 1:
            return LEAF
    return below or None


def intersection(one: Fields, other: Fields) -> Fields:
    """The paths that are in both sets."""
    if one is other:
        return one
    found: Fields = {}
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    for element, node in small.items():
        counterpart = large.get(element)
        if counterpart is None or element == SELF:
            continue
        common = intersection(node, counterpart)
        if is_member(node) and is_member(counterpart):
            found[element] = {SELF: LEAF, **common} if common else LEAF
        elif common:
            found[element] = common
    return found


def is_member(node: Fields) -> bool:
    """Is the path that leads to this node in the set?"""
    return not node or SELF in node


def contains(fields: Fields, path: Path) -> bool:
    """Is this very path in the set?"""
    node = fields
    for element in path:
        found = node.get(element)
        if found is None:
            return False
        node = found
    return bool(path) and is_member(node)


def paths(fields: Fields, above: Path = ()) -> Iterator[Path]:
    """Every path of the set, those above first, otherwise in the order of the dicts."""
    for element, node in fields.items():
        if element == SELF:
            continue
        path = (*above, element)
        if is_member(node):
            yield path
        if node:
            yield from paths(node, path)


def leaves(fields: Fields) -> Fields:
    """The set without the paths that have other paths below them."""
    return {element: leaves(node) for element, node in fields.items() if element != SELF}


def of_paths(wanted: Iterator[Path] | tuple[Path, ...] | list[Path]) -> Fields:
    """The set of these paths. Raises ValueError for an empty path."""
    found: Fields = {}
    for path in wanted:
        if not path:
            raise ValueError("a path has at least one element")
        node = LEAF
        for element in reversed(path):
            node = {element: node}
        found = union(found, node)
    return found
