"""Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which key.

Source: the API documentation "Update API Objects in Place Using kubectl patch" and the design document on strategic
merge patches: ``$patch``, ``$retainKeys``, ``$setElementOrder/<list>``, ``$deleteFromPrimitiveList/<list>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from podo.values.patch import PatchError

DIRECTIVE = "$patch"
RETAIN = "$retainKeys"
ORDER = "$setElementOrder/"
DELETE_FROM = "$deleteFromPrimitiveList/"

Map = dict[str, Any]


class Field(Protocol):
    """What patching must know of one field."""

    @property
    def merges(self) -> bool:
        """A list: its elements merge (patch strategy ``merge``), rather than being replaced as a whole."""

    @property
    def replaces(self) -> bool:
        """An object that is replaced as a whole (patch strategy ``replace``)."""

    @property
    def merge_key(self) -> str:
        """The member that identifies an element; "" for a list of plain values."""

    @property
    def element(self) -> Schema | None:
        """The schema of the object, or of the list's elements; None where they are not objects or not known."""


class Schema(Protocol):
    """What patching must know of one object: its fields. A map gives the same field for every name."""

    def field(self, name: str) -> Field | None: ...


def apply(document: Map, patch: Any, schema: Schema | None) -> Map:
    """The document with the patch merged in. Without a schema every list is replaced. Raises PatchError."""
    if not isinstance(patch, dict):
        raise PatchError("a strategic merge patch must be an object")
    return _merge_map(document, patch, schema)


def _merge_map(original: Map, patch: Map, schema: Schema | None) -> Map:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"unknown patch directive {directive!r}: must be replace, delete or merge")
    merged = _retained(original, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_member(merged, key, value, patch, schema)
        elif key.startswith(DELETE_FROM):
            name = key[len(DELETE_FROM) :]
            if name not in patch and name in merged:
                merged[name] = _without(merged[name], value, key)
        elif key.startswith(ORDER):
            name = key[len(ORDER) :]
            if name not in patch and isinstance(merged.get(name), list):
                found = schema.field(name) if schema else None
                merged[name] = _merge_list(merged[name], [], found, name, _list(value, key))
        elif key not in (DIRECTIVE, RETAIN):
            raise PatchError(f"unknown directive {key!r}")
    return merged


def _retained(original: Map, patch: Map) -> Map:
    """A copy of the original with only the members that ``$retainKeys``, where given, retains."""
    if RETAIN not in patch:
        return dict(original)
    keep = set(map(str, _list(patch[RETAIN], RETAIN)))
    for key, value in patch.items():
        if value is not None and key not in keep and not key.startswith("$"):
            raise PatchError(f"{RETAIN} lists {sorted(keep)}, but the patch also sets {key!r}")
    return {key: value for key, value in original.items() if key in keep}


def _merge_member(merged: Map, key: str, value: Any, patch: Map, schema: Schema | None) -> None:
    if value is None:
        merged.pop(key, None)
        return
    found = schema.field(key) if schema else None
    if isinstance(value, dict):
        before = merged.get(key)
        fresh = not isinstance(before, dict) or (found is not None and found.replaces)
        merged[key] = _merge_map({} if fresh else before, value, found.element if found else None)  # type: ignore[arg-type]
    elif isinstance(value, list) and found is not None and found.merges:
        before = merged.get(key)
        start = before if isinstance(before, list) else []
        if DELETE_FROM + key in patch:
            start = _without(start, patch[DELETE_FROM + key], DELETE_FROM + key)
        order = _list(patch[ORDER + key], ORDER + key) if ORDER + key in patch else None
        merged[key] = _merge_list(start, value, found, key, order)
    else:
        merged[key] = value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise PatchError(f"{name} must be a list")
    return value


def _without(original: Any, dropped: Any, name: str) -> Any:
    if not isinstance(original, list):
        return original
    drop = {_hashable(value) for value in _list(dropped, name)}
    return [value for value in original if _hashable(value) not in drop]


def _merge_list(
    original: list[Any], patch: list[Any], found: Field | None, name: str, order: list[Any] | None
) -> list[Any]:
    objects = _hold_objects([*original, *patch], name)
    key = found.merge_key if found else ""
    if not objects:
        merged = _distinct([*original, *patch])
        return _ordered(merged, original, patch if order is None else order, "")
    if not key:
        if not patch:
            return original
        raise PatchError(f"cannot merge the list {name}: the schema knows no merge key for it")
    if any(element.get(DIRECTIVE) == "replace" for element in patch):
        return [element for element in patch if DIRECTIVE not in element]
    deleted = {_hashable(_identity(e, key)) for e in patch if e.get(DIRECTIVE) == "delete"}
    kept = [e for e in original if _hashable(e.get(key)) not in deleted]
    wanted = [e for e in patch if e.get(DIRECTIVE) != "delete"]
    merged = _merge_elements(kept, wanted, key, found.element if found else None)
    return _ordered(merged, kept, wanted if order is None else order, key)


def _hold_objects(elements: list[Any], name: str) -> bool:
    objects = sum(isinstance(element, dict) for element in elements)
    if objects not in (0, len(elements)):
        raise PatchError(f"the list {name} mixes objects and plain values")
    return objects > 0


def _identity(element: Map, key: str) -> Any:
    if key not in element:
        raise PatchError(f"map: {_shown(element)} does not contain declared merge key: {key}")
    return element[key]


def _shown(element: Map) -> str:
    text = repr(element)
    return text if len(text) <= 200 else text[:200] + "..."


def _merge_elements(original: list[Map], patch: list[Map], key: str, schema: Schema | None) -> list[Map]:
    merged = list(original)
    places = {_hashable(element.get(key)): at for at, element in reversed(list(enumerate(merged)))}
    for element in patch:
        identity = _hashable(_identity(element, key))
        at = places.get(identity)
        if at is None:
            places[identity] = len(merged)
            merged.append(_merge_map({}, element, schema))
        else:
            merged[at] = _merge_map(merged[at], element, schema)
    return merged


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({_hashable(value): value for value in values}.values())


def _hashable(value: Any) -> Any:
    """A JSON value as a dictionary key under which only equal values meet."""
    if isinstance(value, bool | dict | list):
        return (type(value), repr(value))
    return value


def _ordered(merged: list[Any], original: list[Any], order: list[Any], key: str) -> list[Any]:
    """Elements of ``order`` in that order, the others in the original's order, both woven together.

    Of two elements that the original has, the one that comes first there goes first; otherwise the ordered one does.
    """
    rank = _ranks(order, key)
    server = _ranks(original, key)
    identities = {id(element): _hashable(element.get(key) if key else element) for element in merged}

    def identity(element: Any) -> Any:
        return identities[id(element)]

    first = sorted((e for e in merged if identity(e) in rank), key=lambda e: rank[identity(e)])
    others = [e for e in merged if identity(e) not in rank]
    woven: list[Any] = []
    at = 0
    for element in first:
        place = server.get(identity(element))
        while at < len(others) and place is not None and server.get(identity(others[at]), place) < place:
            woven.append(others[at])
            at += 1
        woven.append(element)
    return woven + others[at:]


def _ranks(elements: list[Any], key: str) -> dict[Any, int]:
    ranks: dict[Any, int] = {}
    for at, element in enumerate(elements):
        ranks.setdefault(_hashable(element.get(key) if key and isinstance(element, dict) else element), at)
    return ranks
