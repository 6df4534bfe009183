"""Whether the schema of a custom kind may be used: it has no keyword that is not supported, it is structural, its
defaults fit, its rules can be compiled.

Source: the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import default_rules, extension_rules, rule_rules, structural_rules
from podo.api.kinds.apiextensions.subschemas import each_schema
from podo.api.rules import Found, forbidden, invalid
from podo.api.schema.mismatch import WrongType
from podo.api.schema.table import type_named
from podo.api.structural import formats
from podo.api.structural.walking import PRESERVE

_SCHEMA_TYPE = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref", "$schema")
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
    for one, where in each_schema(schema, path):
        _check_keywords(one, where, keywords)
        if len(keywords) > _ENOUGH:
            return found + keywords
    default_rules.check_resource_fields(schema, path, keywords)
    if not _is_beyond_structure(schema):
        structural: Found = []
        structural_rules.check(schema, path, "root", structural)
        found.extend(sorted(structural, key=str))
    if not found and not keywords:
        default_rules.check(schema, path, found)
    found.extend(keywords)
    if not found:
        rule_rules.check(schema, path, found)
    if not found:
        default_rules.check_by_rules(schema, path, found)
    return found


def _is_beyond_structure(schema: Obj) -> bool:
    """Has it what no structural schema can be made of? Then only that is told."""
    return any(
        one.get(PRESERVE) is False
        or isinstance(one.get("items"), list)
        or any(one.get(name) for name in _NOT_SUPPORTED)
        for one, _ in each_schema(schema, "")
    )


def _check_shapes(schema: Obj, path: str, found: Found) -> None:
    """Schemas within items and additionalProperties, which may be something else: decoding has let them pass."""
    for one, where in each_schema(schema, path):
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


def unrecognized_formats(definition: Obj) -> list[str]:
    """Formats of texts that nothing is checked by."""
    schemas = [(each.get("schema") or {}).get("openAPIV3Schema") or {} for each in definition["spec"]["versions"]]
    return [
        one["format"]
        for schema in schemas
        for one, _ in each_schema(schema, "")
        if one.get("type") == "string" and one.get("format") and formats.checker(one["format"]) is None
    ]


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
