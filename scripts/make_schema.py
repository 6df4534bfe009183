"""Writes ``src/podo/api/schema/v1_37.json``: the facts about every type of the Kubernetes 1.37 API, no descriptions.

Source: the upstream OpenAPI document in the form that the development dependency ``kubernetes-validate`` ships it.
The format is explained in ``src/podo/api/schema/table.py``. Run: ``python scripts/make_schema.py``; ``--check`` only
compares the file with what would be written.
"""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

VERSION = "v1.37.0"
TARGET = Path(__file__).parent.parent / "src/podo/api/schema/v1_37.json"

#: Types whose JSON form is not what their schema says, or not described by it.
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "object",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "object",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "object",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}
SCALARS = {
    ("string", None): "string",
    ("string", "byte"): "byte",
    ("string", "date-time"): "time",
    ("boolean", None): "bool",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("number", "double"): "double",
    ("number", None): "double",
    ("object", None): "object",
}
#: Extensions of a field that are kept, and their names in the file.
EXTENSIONS = {
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-patch-merge-key": "mergeKey",
    "x-kubernetes-list-type": "listType",
    "x-kubernetes-list-map-keys": "mapKeys",
    "x-kubernetes-map-type": "mapType",
    "default": "default",
}


def shape(schema: dict[str, Any]) -> str:
    """A schema as a shape, e.g. ``[]#io.k8s.api.core.v1.Container``."""
    if "$ref" in schema:
        return "#" + schema["$ref"].rpartition("/")[2]
    kind = schema.get("type")
    if isinstance(kind, list):
        (kind,) = (one for one in kind if one != "null")
    if kind == "array":
        return "[]" + shape(schema["items"])
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return "{}" + shape(schema["additionalProperties"])
    return SCALARS[kind, schema.get("format")]


def field(name: str, schema: dict[str, Any]) -> Any:
    """A shape, or a shape with what else is known of the field."""
    more = {short: schema[long] for long, short in EXTENSIONS.items() if long in schema}
    if "enum" in schema and name not in ("apiVersion", "kind"):
        more["enum"] = schema["enum"]
    return [shape(schema), more] if more else shape(schema)


def definition(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name in SPECIAL:
        return {"is": SPECIAL[name]}
    made: dict[str, Any] = {"fields": {key: field(key, value) for key, value in schema.get("properties", {}).items()}}
    if schema.get("required"):
        made["required"] = schema["required"]
    kinds = [[g["group"], g["version"], g["kind"]] for g in schema.get("x-kubernetes-group-version-kind", ())]
    if kinds:
        made["kinds"] = kinds
    if "x-kubernetes-map-type" in schema:
        made["mapType"] = schema["x-kubernetes-map-type"]
    if "x-kubernetes-unions" in schema:
        made["unions"] = schema["x-kubernetes-unions"]
    return made


def table() -> str:
    """The file's text: one type a line, so that a change of the API reads as such."""
    source = resources.files("kubernetes_validate") / f"kubernetes-json-schema/{VERSION}-local/_definitions.json"
    definitions = json.loads(source.read_text())["$defs"]
    lines = [
        f"{json.dumps(name)}:{json.dumps(definition(name, schema), separators=(',', ':'), sort_keys=False)}"
        for name, schema in sorted(definitions.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    text = table()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text() == text else 1
    TARGET.write_text(text)
    print(f"{TARGET.name}: {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
