"""What is checked of the x-kubernetes extensions of one schema: lists, maps, int-or-string, unknown fields."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj, Problem
from podo.api.rules import Found, forbidden, invalid, not_supported, required
from podo.api.structural.walking import EMBEDDED, INT_OR_STRING, LIST_KEYS, LIST_TYPE, MAP_TYPE, PRESERVE

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_LIST_TYPES = ("atomic", "set", "map")
_MAP_TYPES = ("atomic", "granular")


def unknown_type(path: str, kind: str) -> Problem:
    return not_supported(path, kind, TYPES)


def check(one: Obj, where: str, found: Found) -> None:
    if one.get(PRESERVE) is False:
        found.append(invalid(f"{where}.{PRESERVE}", False, "must be true or undefined"))
    _check_owner(one, MAP_TYPE, "object", _MAP_TYPES, where, found)
    listed, keys = one.get(LIST_TYPE), one.get(LIST_KEYS) or []
    _check_owner(one, LIST_TYPE, "array", _LIST_TYPES, where, found)
    if keys and listed is None:
        found.append(required(f"{where}.{LIST_TYPE}", f"must be map if {LIST_KEYS} is non-empty"))
    elif keys and listed != "map":
        found.append(invalid(f"{where}.{LIST_TYPE}", listed, f"must be map if {LIST_KEYS} is non-empty"))
    items = one.get("items")
    if listed == "map":
        _check_map(items, keys, where, found)
    if listed in ("map", "set") and isinstance(items, dict):
        _check_items(items, listed, keys, where, found)


def check_int_or_string(one: Obj, where: str, found: Found) -> None:
    for name in (PRESERVE, EMBEDDED):
        if one.get(INT_OR_STRING) and one.get(name):
            found.append(invalid(f"{where}.{name}", True, "must be false if x-kubernetes-int-or-string is true"))


def _check_owner(one: Obj, name: str, kind: str, known: tuple[str, ...], where: str, found: Found) -> None:
    """How the parts of an object, or of an array, are owned."""
    said, given = one.get(name), one.get("type") or ""
    if said is None:
        return
    why = f"must be {kind} if {name} is specified"
    if not given:
        found.append(required(f"{where}.type", why))
    elif given != kind:
        found.append(invalid(f"{where}.type", given, why))
    elif said == "set" and isinstance(one.get("items"), dict):
        _check_set(one["items"], where, found)
    if said not in known:
        found.append(not_supported(f"{where}.{name}", said, known))


def _check_set(items: Obj, where: str, found: Found) -> None:
    """Items are compared whole, so those that could be owned in part must be said to be atomic."""
    why = f"must be atomic as item of a list with {LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
        found.append(invalid(f"{where}.items.{LIST_TYPE}", items.get(LIST_TYPE), why))
    if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        found.append(invalid(f"{where}.items.{MAP_TYPE}", items.get(MAP_TYPE), why))


def _check_map(items: Any, keys: list[str], where: str, found: Found) -> None:
    if not keys:
        found.append(required(f"{where}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map"))
    if items is None:
        found.append(required(f"{where}.items", f"must have a schema if {LIST_TYPE} is map"))
    elif not isinstance(items, dict):
        found.append(invalid(f"{where}.items", items, f"must only have a single schema if {LIST_TYPE} is map"))
    elif items.get("type") != "object":
        why = f"must be object if parent array's {LIST_TYPE} is map"
        found.append(invalid(f"{where}.items.type", items.get("type") or "", why))
    else:
        _check_keys(items.get("properties") or {}, keys, where, found)


def _check_keys(fields: Obj, keys: list[str], where: str, found: Found) -> None:
    for index, key in enumerate(keys):
        if key not in fields:
            found.append(invalid(f"{where}.{LIST_KEYS}", keys, "entries must all be names of item properties"))
        elif fields[key].get("type") in ("array", "object"):
            why = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            found.append(invalid(f"{where}.items.properties[{key}].type", fields[key]["type"], why))
        if key in keys[:index]:
            found.append(invalid(f"{where}.{LIST_KEYS}", keys, "must not contain duplicate entries"))


def _check_items(items: Obj, listed: str, keys: list[str], where: str, found: Found) -> None:
    """No item of a set or map may be null, and each of a map must have its keys."""
    if items.get("nullable"):
        found.append(forbidden(f"{where}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {listed}"))
    if listed != "map":
        return
    fields, why = items.get("properties") or {}, f"this property is in {LIST_KEYS}, so it"
    for key in (key for key in keys if key in fields):
        at = f"{where}.items.properties[{key}]"
        if fields[key].get("default") is None and key not in (items.get("required") or ()):
            found.append(required(f"{at}.default", f"{why} must have a default or be a required property"))
        if fields[key].get("nullable"):
            found.append(forbidden(f"{at}.nullable", f"{why} cannot be nullable"))
