"""What is checked of one version of a CustomResourceDefinition: schema, subresources, columns, selectable fields."""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import schema_rules
from podo.api.rules import Found, duplicate, invalid, required, too_many
from podo.values.jsonpath import PathError, compiled

COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
COLUMN_FORMATS = ("int32", "int64", "float", "double", "byte", "date", "date-time", "password")
MAX_SELECTABLE = 8
_SIMPLE = re.compile(r"(\.[A-Za-z_][A-Za-z0-9_-]*)+")
_SELECTABLE_TYPES = ("boolean", "integer", "string")


def check(version: Obj, old: Obj | None, path: str, found: Found) -> None:
    """``old``: the version of the same name of before; what has not changed in its schema is not judged again."""
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    where = f"{path}.schema.openAPIV3Schema"
    if schema is None:
        found.append(required(where, "schemas are required"))
    elif old is None or (old.get("schema") or {}).get("openAPIV3Schema") != schema:
        found.extend(schema_rules.problems(schema, where, has_status="status" in (version.get("subresources") or {})))
    _check_deprecation(version, path, found)
    _check_scale((version.get("subresources") or {}).get("scale"), f"{path}.subresources.scale", found)
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        _check_column(column, f"{path}.additionalPrinterColumns[{index}]", found)
    _check_selectable(version.get("selectableFields") or [], schema or {}, f"{path}.selectableFields", found)


def _check_deprecation(version: Obj, path: str, found: Found) -> None:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    where = f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        found.append(invalid(where, warning, "can only be set for deprecated versions"))
    if not warning:
        found.append(invalid(where, warning, "must not be empty"))
    elif len(warning) > 256:
        found.append(invalid(where, warning, "must be <= 256 characters in length"))
    elif not warning.isprintable():
        why = "must only contain printable UTF-8 characters; non-printable character found"
        found.append(invalid(where, warning, why))


def _check_scale(scale: Obj | None, path: str, found: Found) -> None:
    if scale is None:
        return
    wanted, seen, labels = (scale.get(n) for n in ("specReplicasPath", "statusReplicasPath", "labelSelectorPath"))
    _check_scale_path(wanted, f"{path}.specReplicasPath", ("spec",), "should be a json path under .spec", found)
    _check_scale_path(seen, f"{path}.statusReplicasPath", ("status",), "should be a json path under .status", found)
    if labels:
        why = "should be a json path under either .status or .spec"
        _check_scale_path(labels, f"{path}.labelSelectorPath", ("status", "spec"), why, found)


def _check_scale_path(text: Any, path: str, roots: tuple[str, ...], why: str, found: Found) -> None:
    if not text:
        found.append(required(path))
    elif not _SIMPLE.fullmatch(text):
        found.append(invalid(path, text, "is an invalid path: " + why))
    elif not any(text.startswith(f".{root}.") for root in roots):
        found.append(invalid(path, text, why))


def _check_column(column: Obj, path: str, found: Found) -> None:
    if not column.get("name"):
        found.append(required(f"{path}.name"))
    if not column.get("type"):
        found.append(required(f"{path}.type", f"must be one of {','.join(sorted(COLUMN_TYPES))}"))
    elif column["type"] not in COLUMN_TYPES:
        found.append(invalid(f"{path}.type", column["type"], f"must be one of {','.join(sorted(COLUMN_TYPES))}"))
    if column.get("format") and column["format"] not in COLUMN_FORMATS:
        found.append(invalid(f"{path}.format", column["format"], f"must be one of {','.join(sorted(COLUMN_FORMATS))}"))
    if not column.get("jsonPath"):
        found.append(required(f"{path}.jsonPath"))
        return
    try:
        compiled(column["jsonPath"])
    except PathError as problem:
        found.append(invalid(f"{path}.jsonPath", column["jsonPath"], f"is an invalid json path: {problem}"))


def _check_selectable(fields: list[Obj], schema: Obj, path: str, found: Found) -> None:
    if len(fields) > MAX_SELECTABLE:
        found.append(too_many(path, len(fields), MAX_SELECTABLE))
    seen: set[str] = set()
    for index, field in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", field.get("jsonPath") or ""
        if not text:
            found.append(required(where))
            continue
        if not _SIMPLE.fullmatch(text):
            found.append(invalid(where, text, "is an invalid path: must be a simple path of field names"))
        else:
            _check_selected(text, schema, where, found)
        if text in seen:
            found.append(duplicate(where, text))
        seen.add(text)


def _check_selected(text: str, schema: Obj, path: str, found: Found) -> None:
    names = text[1:].split(".")
    if names[0] == "metadata":
        found.append(invalid(path, text, "must not point to fields in metadata"))
        return
    at: Any = schema
    for name in names:
        at = ((at or {}).get("properties") or {}).get(name)
    if at is None:
        found.append(invalid(path, text, "is an invalid path: does not refer to a valid field"))
    elif at.get("type") not in _SELECTABLE_TYPES:
        found.append(invalid(path, text, "must point to a field of type boolean, integer or string"))
