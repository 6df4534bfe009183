"""What is checked of the x-kubernetes extensions of one schema: lists, maps, int-or-string, unknown fields."""

from __future__ import annotations

from podo.api.kind import Obj, Problem
from podo.api.rules import Found, forbidden, invalid, not_supported, required
from podo.api.structural.walking import EMBEDDED, INT_OR_STRING, LIST_KEYS, LIST_TYPE, MAP_TYPE, PRESERVE

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_LIST_TYPES = ("atomic", "map", "set")
_MAP_TYPES = ("atomic", "granular")
_SCALARS = frozenset({"boolean", "integer", "number", "string"})


def unknown_type(path: str, kind: str) -> Problem:
    return not_supported(path, kind, TYPES)


def check(one: Obj, where: str, found: Found) -> None:
    if one.get(PRESERVE) is False:
        found.append(invalid(f"{where}.{PRESERVE}", False, "must be true or undefined"))
    if one.get(INT_OR_STRING):
        if one.get("type"):
            found.append(forbidden(f"{where}.type", "type must be empty if x-kubernetes-int-or-string is true"))
        for name in (PRESERVE, EMBEDDED):
            if one.get(name):
                found.append(invalid(f"{where}.{name}", True, "must be false if x-kubernetes-int-or-string is true"))
    _check_list(one, where, found)
    if (kind := one.get(MAP_TYPE)) is not None:
        if one.get("type") != "object":
            found.append(invalid(f"{where}.type", one.get("type") or "", f"must be object if {MAP_TYPE} is specified"))
        if kind not in _MAP_TYPES:
            found.append(not_supported(f"{where}.{MAP_TYPE}", kind, _MAP_TYPES))


def _check_list(one: Obj, where: str, found: Found) -> None:
    kind, keys = one.get(LIST_TYPE), one.get(LIST_KEYS) or []
    if kind is not None:
        if one.get("type") != "array":
            found.append(invalid(f"{where}.type", one.get("type") or "", f"must be array if {LIST_TYPE} is specified"))
        if kind not in _LIST_TYPES:
            found.append(not_supported(f"{where}.{LIST_TYPE}", kind, _LIST_TYPES))
    if keys and kind != "map":
        found.append(invalid(f"{where}.{LIST_TYPE}", kind or "", f"must be map if {LIST_KEYS} is non-empty"))
    if kind == "set":
        _check_set(one.get("items") or {}, where, found)
    elif kind == "map":
        _check_map(one.get("items") or {}, keys, where, found)


def _check_set(items: Obj, where: str, found: Found) -> None:
    """Items are compared whole, so those that could be owned in part must be said to be atomic."""
    if items.get("nullable"):
        found.append(forbidden(f"{where}.items.nullable", f"cannot be nullable when {LIST_TYPE} is set"))
    if items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        why = f"must be atomic as item of a list with {LIST_TYPE}=set"
        found.append(invalid(f"{where}.items.{MAP_TYPE}", items.get(MAP_TYPE), why))
    if items.get("type") == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
        why = f"must be atomic as item of a list with {LIST_TYPE}=set"
        found.append(invalid(f"{where}.items.{LIST_TYPE}", items.get(LIST_TYPE), why))


def _check_map(items: Obj, keys: list[str], where: str, found: Found) -> None:
    if not keys:
        found.append(required(f"{where}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map"))
    if items.get("type") != "object":
        found.append(
            invalid(
                f"{where}.items.type", items.get("type") or "", f"must be object if parent array's {LIST_TYPE} is map"
            )
        )
    if items.get("nullable"):
        found.append(forbidden(f"{where}.items.nullable", f"cannot be nullable when {LIST_TYPE} is map"))
    fields = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key in keys[:index]:
            found.append(invalid(f"{where}.{LIST_KEYS}[{index}]", key, "must be unique"))
        field = fields.get(key)
        if field is None:
            found.append(invalid(f"{where}.{LIST_KEYS}[{index}]", key, "entries must all be names of item properties"))
            continue
        if field.get("type") not in _SCALARS and not field.get(INT_OR_STRING):
            why = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            found.append(invalid(f"{where}.items.properties[{key}].type", field.get("type") or "", why))
        if field.get("default") is None and key not in (items.get("required") or ()):
            why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            found.append(required(f"{where}.items.properties[{key}].default", why))
        if field.get("nullable"):
            why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            found.append(forbidden(f"{where}.items.properties[{key}].nullable", why))
