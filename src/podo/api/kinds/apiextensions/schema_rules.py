"""Whether the schema of a custom kind is structural, and may be used: types everywhere, nothing that could not be
pruned, defaults that fit, patterns that can be compiled.

Source: "Specifying a structural schema" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import extension_rules, rule_rules
from podo.api.rules import Found, forbidden, invalid, required
from podo.api.schema.mismatch import WrongType
from podo.api.schema.table import type_named
from podo.api.structural import embedded, formats, listtypes, patterns
from podo.api.structural.correlating import ABSENT
from podo.api.structural.defaulting import defaulter
from podo.api.structural.pruning import pruner
from podo.api.structural.rules import Rules
from podo.api.structural.validating import validator
from podo.api.structural.walking import EMBEDDED, INT_OR_STRING, PRESERVE, RESOURCE_FIELDS

_SCHEMA_TYPE = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref", "$schema")
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
#: What upstream's message lists as that which may be said of the whole of a kind with a status: its names for them.
_AT_ROOT = (
    *("Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum"),
    *("MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items"),
    *("Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations"),
)
_AT_ROOT_KEYWORDS = frozenset(
    {*(name[0].lower() + name[1:] for name in _AT_ROOT[:-2]), PRESERVE, "x-kubernetes-validations"}
)
#: More problems than these are not told.
_ENOUGH = 50


def problems(schema: Obj, path: str, *, has_status: bool = False) -> Found:
    """All that is wrong with the schema of a version, in upstream's order."""
    found: Found = []
    _check_shapes(schema, path, found)
    if found:
        return found
    if has_status:
        _check_root_for_status(schema, path, found)
    if schema.get("nullable"):
        found.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    keywords: Found = []
    for one, where in _all_schemas(schema, path):
        _check_keywords(one, where, keywords)
        if len(keywords) > _ENOUGH:
            return found + keywords
    _check_forbidden_defaults(schema, path, keywords)
    if not _is_beyond_structure(schema):
        structural: Found = []
        _check_structural(schema, path, "root", structural)
        found.extend(sorted(structural, key=str))
    if not found and not keywords:
        _check_defaults(schema, path, found)
    found.extend(keywords)
    if not found:
        rule_rules.check(schema, path, found)
    if not found:
        _check_defaults_by_rules(schema, path, found)
    return found


def _is_beyond_structure(schema: Obj) -> bool:
    """Has it what no structural schema can be made of? Then only that is told."""
    return any(
        one.get(PRESERVE) is False
        or isinstance(one.get("items"), list)
        or any(one.get(name) for name in _NOT_SUPPORTED)
        for one, _ in _all_schemas(schema, "")
    )


def _check_shapes(schema: Obj, path: str, found: Found) -> None:
    """Schemas within items and additionalProperties, which may be something else: decoding has let them pass."""
    for one, where in _all_schemas(schema, path):
        for name, others in (("items", list), ("additionalProperties", bool)):
            inner = one.get(name)
            if inner is None or isinstance(inner, others):
                continue
            try:
                type_named(_SCHEMA_TYPE).decode(inner)
            except WrongType as wrong:
                found.append(invalid(f"{where}.{name}", type(inner).__name__, str(wrong)))
                return


def _check_root_for_status(schema: Obj, path: str, found: Found) -> None:
    """With a status of its own, what holds for the whole must not tie the status to the rest."""
    if (kind := schema.get("type")) and kind != "object":
        why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        found.append(invalid(f"{path}.type", kind, why))
    elif any(value and name not in _AT_ROOT_KEYWORDS for name, value in schema.items()):
        why = f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema if the status subresource is"
        found.append(invalid(path, schema, f"{why} enabled"))


def _all_schemas(schema: Any, path: str) -> Iterator[tuple[Obj, str]]:
    """Every schema within, outer ones first; bounded by the depth and size of a request's body."""
    waiting: list[tuple[Any, str]] = [(schema, path)]
    while waiting:
        one, where = waiting.pop()
        if not isinstance(one, dict):
            continue
        yield one, where
        waiting.extend(_inner(one, where))


def unrecognized_formats(definition: Obj) -> list[str]:
    """Formats of texts that nothing is checked by."""
    schemas = [(each.get("schema") or {}).get("openAPIV3Schema") or {} for each in definition["spec"]["versions"]]
    return [
        one["format"]
        for schema in schemas
        for one, _ in _all_schemas(schema, "")
        if one.get("type") == "string" and one.get("format") and formats.checker(one["format"]) is None
    ]


def _inner(one: Obj, where: str) -> Iterator[tuple[Any, str]]:
    for name in ("items", "additionalProperties", "not"):
        yield one.get(name), f"{where}.{name}"
    for name in _JUNCTORS:
        for index, inner in enumerate(one.get(name) or ()):
            yield inner, f"{where}.{name}[{index}]"
    for name, inner in (one.get("properties") or {}).items():
        yield inner, f"{where}.properties[{name}]"


def _check_keywords(one: Obj, where: str, found: Found) -> None:
    if (kind := one.get("type")) and kind not in extension_rules.TYPES:
        found.append(extension_rules.unknown_type(f"{where}.type", kind))
    for name in _NOT_SUPPORTED:
        if one.get(name):
            found.append(forbidden(f"{where}.{name}", f"{name} is not supported"))
    if kind == "null":
        found.append(forbidden(f"{where}.type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(one.get("items"), list):
        found.append(forbidden(f"{where}.items", "items must be a schema object and not an array"))
    if one.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        found.append(forbidden(f"{where}.uniqueItems", why))
    if one.get("properties") and one.get("additionalProperties") not in (None, True):
        why = "additionalProperties and properties are mutual exclusive"
        found.append(forbidden(f"{where}.additionalProperties", why))
    elif one.get("additionalProperties") is False:
        found.append(forbidden(f"{where}.additionalProperties", "additionalProperties cannot be set to false"))
    extension_rules.check(one, where, found)


def _check_pattern(one: Obj, where: str, found: Found) -> None:
    if pattern := one.get("pattern"):
        try:
            patterns.searcher(pattern)
        except patterns.BadPattern as problem:
            why = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}"
            found.append(invalid(f"{where}.pattern", pattern, why))


def _check_structural(one: Obj, where: str, level: str, found: Found) -> None:
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
            _check_structural(inner, f"{where}.properties[{name}]", "field", found)
    if isinstance(one.get("items"), dict):
        _check_structural(one["items"], f"{where}.items", "item", found)
    elif kind == "array":
        found.append(required(f"{where}.items", "must be specified"))
    if isinstance(one.get("additionalProperties"), dict):
        _check_structural(one["additionalProperties"], f"{where}.additionalProperties", "field", found)


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
    for name in _JUNCTORS:
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


def _check_forbidden_defaults(schema: Obj, path: str, found: Found) -> None:
    """What every resource has is the server's to fill in."""
    fields = schema.get("properties") or {}
    for name in RESOURCE_FIELDS:
        for one, where in _all_schemas(fields.get(name), f"{path}.properties[{name}]"):
            if one.get("default") is not None:
                found.append(forbidden(f"{where}.default", f"must not be set in top-level {name}"))


def _check_defaults(schema: Obj, path: str, found: Found) -> None:
    """Defaults are what would be stored: nothing unknown in them, and nothing wrong."""
    for one, where in _all_schemas(schema, path):
        default = one.get("default")
        if default is None:
            continue
        if where == path:
            found.append(forbidden(f"{where}.default", "must not be set"))
            continue
        _check_default(one, default, where, found)


def _check_default(one: Obj, default: Any, where: str, found: Found) -> None:
    value = orjson.loads(orjson.dumps(default))
    unknown: list[str] = []
    prune, fill = pruner(one), defaulter(one)
    if prune is not None:
        prune(value, None, unknown)
    if unknown:
        found.append(invalid(f"{where}.default", default, "must not have unknown fields"))
        return
    if fill is not None:
        fill(value)
    wrong: Found = []
    validator(one)(value, ABSENT, None, wrong)
    for check in (listtypes.checker(one), embedded.checker(one)):
        if check is not None:
            check(value, None, wrong)
    _tell_of_default(wrong, where, found)


def _check_defaults_by_rules(schema: Obj, path: str, found: Found) -> None:
    """Likewise by the rules within, once these are known to be sound."""
    for one, where in _all_schemas(schema, path):
        default, rules = one.get("default"), Rules(one, is_root=False)
        if default is not None and rules.some:
            value = orjson.loads(orjson.dumps(default))
            if (fill := defaulter(one)) is not None:
                fill(value)
            _tell_of_default(rules.problems(value, None), where, found)


def _tell_of_default(wrong: Found, where: str, found: Found) -> None:
    for problem in wrong:
        at = "" if problem.path == "<nil>" else problem.path
        at = at if at[:1] in ("", "[", ".") else f".{at}"
        found.append(type(problem)(f"{where}.default{at}", problem.reason, problem.message))
