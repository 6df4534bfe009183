"""The OpenAPI documents' schemas of a custom kind: v3 tells all, v2 what its clients understand.

Source: "Publish Validation Schema in OpenAPI" of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.structural.walking import EMBEDDED, INT_OR_STRING, PRESERVE, VALIDATIONS, Schema

Document = dict[str, Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_ABOUT = {
    "apiVersion": "APIVersion defines the versioned schema of this representation of an object.",
    "kind": "Kind is a string value representing the REST resource this object represents.",
    "metadata": "Standard object's metadata.",
}
#: What OpenAPI v2 has and its clients understand: no defaults, nulls or schemas that are combined.
_IN_V2 = frozenset(
    {
        *("format", "title", "description", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "maxProperties", "minProperties", "required"),
        *("enum", "additionalProperties", "type", "items", "properties", "externalDocs", "example"),
    }
)


def definition_name(group: str, version: str, kind: str) -> str:
    """``com.example.stable.v1.CronTab``."""
    return ".".join([*reversed(group.split(".")), version, kind])


def definition(schema: Schema, version: int) -> Document:
    """The schema of whole objects. ``version``: of OpenAPI, 2 or 3."""
    made = dict(_v2(schema)) if version == 2 else dict(schema)
    if made.get("type") == "object" or "properties" in made:
        made["properties"] = {**(made.get("properties") or {}), **resource_fields(version)}
        made["type"] = "object"
    return made


def resource_fields(version: int) -> Document:
    """The fields that every object has."""
    reference: Document = {"$ref": f"#/definitions/{_META}.ObjectMeta"}
    if version == 3:
        reference = {"allOf": [{"$ref": f"#/components/schemas/{_META}.ObjectMeta"}]}
    return {
        "apiVersion": {"type": "string", "description": _ABOUT["apiVersion"]},
        "kind": {"type": "string", "description": _ABOUT["kind"]},
        "metadata": {"description": _ABOUT["metadata"], **reference},
    }


def _is_extension(key: str) -> bool:
    return key.startswith("x-kubernetes-") and key != VALIDATIONS


def _v2(schema: Schema) -> Document:
    """A schema without what OpenAPI v2 clients take for an error: less is checked by them, nothing is refused."""
    if schema.get(PRESERVE) and not schema.get(EMBEDDED):
        kept = {key: schema[key] for key in ("description", "type", PRESERVE) if key in schema}
        return kept if schema.get("type") == "object" else {key: kept[key] for key in kept if key != "type"}
    made: Document = {key: value for key, value in schema.items() if key in _IN_V2 or _is_extension(key)}
    if schema.get(INT_OR_STRING) or schema.get("nullable"):
        for key in ("type", "items", "properties", "additionalProperties"):
            made.pop(key, None)
        return made
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), Mapping):
            made[key] = _v2(made[key])
    if "properties" in made:
        made["properties"] = {name: _v2(inner) for name, inner in made["properties"].items()}
    return made
