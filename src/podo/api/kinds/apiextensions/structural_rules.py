"""Whether the schema of a custom kind is structural: types everywhere, and within allOf and its like nothing that says
what a value is.

Source: "Specifying a structural schema" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import extension_rules
from podo.api.kinds.apiextensions.subschemas import JUNCTORS
from podo.api.rules import Found, forbidden, invalid, required
from podo.api.structural import patterns
from podo.api.structural.walking import EMBEDDED, INT_OR_STRING, PRESERVE

#: Of a schema within allOf and its like: what would say something about what a value is, not whether it is good.
_FORBIDDEN_WITHIN = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("externalDocs", "must be undefined to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)
_INT_OR_STRING_ANY_OF = [{"type": "integer"}, {"type": "string"}]


def check(one: Obj, where: str, level: str, found: Found) -> None:
    """``level``: "root", "item" or "field"."""
    kind = one.get("type") or ""
    _check_pattern(one, where, found)
    extension_rules.check_int_or_string(one, where, found)
    if one.get(EMBEDDED):
        _check_embedded(one, kind, where, found)
    elif not kind and not one.get(INT_OR_STRING) and not one.get(PRESERVE):
        place = {"root": "at the root", "item": "for specified array items", "field": "for specified object fields"}
        found.append(required(f"{where}.type", f"must not be empty {place[level]}"))
    if level == "root":
        if kind and kind != "object":
            found.append(invalid(f"{where}.type", kind, "must be object at the root"))
        if one.get("additionalProperties") is not None:
            found.append(forbidden(f"{where}.additionalProperties", "must not be used at the root"))
    if level == "root" or one.get(EMBEDDED):
        _check_resource_fields(one.get("properties") or {}, where, found)
    _check_junctors(one, one, where, found)
    for name, inner in (one.get("properties") or {}).items():
        if name != "metadata" or level != "root":
            check(inner, f"{where}.properties[{name}]", "field", found)
    if isinstance(one.get("items"), dict):
        check(one["items"], f"{where}.items", "item", found)
    elif kind == "array":
        found.append(required(f"{where}.items", "must be specified"))
    if isinstance(one.get("additionalProperties"), dict):
        check(one["additionalProperties"], f"{where}.additionalProperties", "field", found)


def _check_embedded(one: Obj, kind: str, where: str, found: Found) -> None:
    why = "must be object if x-kubernetes-embedded-resource is true"
    if not kind:
        found.append(required(f"{where}.type", why))
    elif kind != "object":
        found.append(invalid(f"{where}.type", kind, why))
    if one.get("additionalProperties") is not None:
        why = "must not be used if x-kubernetes-embedded-resource is set"
        found.append(forbidden(f"{where}.additionalProperties", why))
    if not one.get(PRESERVE) and not one.get("properties"):
        why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        found.append(required(f"{where}.properties", why))


def _check_resource_fields(fields: Obj, where: str, found: Found) -> None:
    for name in ("kind", "apiVersion"):
        if name in fields and fields[name].get("type") != "string":
            found.append(invalid(f"{where}.properties[{name}].type", fields[name].get("type") or "", "must be string"))
    metadata = fields.get("metadata")
    if metadata is None:
        return
    if metadata.get("type") != "object":
        found.append(invalid(f"{where}.properties[metadata].type", metadata.get("type") or "", "must be object"))
    said = {key for key in metadata if key not in ("type", "properties", "description")}
    if said or set(metadata.get("properties") or ()) - {"name", "generateName"}:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        found.append(forbidden(f"{where}.properties[metadata]", why))


def _check_junctors(one: Obj, whole: Obj, where: str, found: Found) -> None:
    """``whole``: the structural schema that the schemas in allOf and its like are about."""
    for name in JUNCTORS:
        if name == "anyOf" and _is_int_or_string(whole, one.get("anyOf")):
            continue
        for index, inner in enumerate(one.get(name) or ()):
            if name == "allOf" and not index and _is_int_or_string(whole, inner.get("anyOf")):
                inner = {key: value for key, value in inner.items() if key != "anyOf"}
            _check_within(inner, whole, f"{where}.{name}[{index}]", found)
    if one.get("not") is not None:
        _check_within(one["not"], whole, f"{where}.not", found)


def _is_int_or_string(whole: Obj, any_of: Any) -> bool:
    return bool(whole.get(INT_OR_STRING)) and any_of == _INT_OR_STRING_ANY_OF


def _check_within(inner: Obj, whole: Obj, where: str, found: Found) -> None:
    _check_pattern(inner, where, found)
    for name, why in _FORBIDDEN_WITHIN:
        if inner.get(name):
            found.append(forbidden(f"{where}.{name}", why))
    _check_junctors(inner, whole, where, found)
    known = whole.get("properties") or {}
    for name, deeper in (inner.get("properties") or {}).items():
        at = f"{where}.properties[{name}]"
        if name == "metadata":
            found.append(forbidden(at, "must not be specified in a nested context"))
        elif name not in known:
            place = at.replace(where, where.rpartition(".")[0], 1)
            found.append(required(place, f"because it is defined in {at}"))
        else:
            _check_within(deeper, known[name], at, found)
    if isinstance(inner.get("items"), dict):
        if not isinstance(whole.get("items"), dict):
            found.append(required(f"{where.rpartition('.')[0]}.items", f"because it is defined in {where}.items"))
        else:
            _check_within(inner["items"], whole["items"], f"{where}.items", found)


def _check_pattern(one: Obj, where: str, found: Found) -> None:
    if pattern := one.get("pattern"):
        try:
            patterns.searcher(pattern)
        except patterns.BadPattern as problem:
            why = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}"
            found.append(invalid(f"{where}.pattern", pattern, why))
