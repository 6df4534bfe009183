"""What is checked of one version of a CustomResourceDefinition: schema, subresources, columns, selectable fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from podo.api.kind import Obj
from podo.api.kinds.apiextensions import schema_rules
from podo.api.rules import Found, check_unique, invalid, required, too_many
from podo.values.jsonpath import PathError, compiled

COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
COLUMN_FORMATS = ("int32", "int64", "float", "double", "byte", "date", "date-time", "password")
MAX_SELECTABLE = 8
_SIMPLE = re.compile(r"(\.[A-Za-z_][A-Za-z0-9_-]*)+")
_PARTS = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
_FROM_ROOT = "must be a simple json path starting with ."
_SELECTABLE_TYPES = ("boolean", "integer", "string")


def alike(versions: list[Obj]) -> frozenset[str]:
    """The parts that are the same in all versions. Upstream keeps these once, beside the versions, and names them so in
    what it tells of them: ``spec.validation.openAPIV3Schema`` and not ``spec.versions[0].schema.openAPIV3Schema``."""
    found = {part for part in _PARTS if all(one.get(part) == versions[0].get(part) for one in versions)}
    if "schema" not in found:
        found.discard("selectableFields")
    return frozenset(found)


def check(version: Obj, old: Obj | None, alike: frozenset[str], path: str, found: Found) -> None:
    """What is a version's own. ``old``: the version of the same name of before; a schema that has not changed is not
    judged again."""
    _check_deprecation(version, path, found)
    own = {part: value for part, value in version.items() if part not in alike}
    has_status = "status" in (version.get("subresources") or {})
    _check_parts(own, version, (old,), f"{path}.schema", path, has_status, found)


def check_alike(versions: list[Obj], old: list[Obj], found: Found) -> None:
    """What all versions have in common, once."""
    if versions:
        common = {part: versions[0][part] for part in alike(versions) if versions[0].get(part)}
        has_status = any("status" in (one.get("subresources") or {}) for one in versions)
        _check_parts(common, versions[0], (*old, None), "spec.validation", "spec", has_status, found)


def _check_parts(
    parts: Obj, version: Obj, old: Iterable[Obj | None], schema_path: str, path: str, has_status: bool, found: Found
) -> None:
    """``parts``: those to judge, of ``version``; ``old``: versions of before whose schemas were judged then."""
    schema = (parts.get("schema") or {}).get("openAPIV3Schema")
    known = ((one.get("schema") or {}).get("openAPIV3Schema") for one in old if one is not None)
    if schema is not None and schema not in known:
        found.extend(schema_rules.problems(schema, f"{schema_path}.openAPIV3Schema", has_status=has_status))
    _check_scale((parts.get("subresources") or {}).get("scale"), f"{path}.subresources.scale", found)
    for index, column in enumerate(parts.get("additionalPrinterColumns") or ()):
        _check_column(column, f"{path}.additionalPrinterColumns[{index}]", found)
    selected_from = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    _check_selectable(parts.get("selectableFields") or [], selected_from, f"{path}.selectableFields", found)


def _check_deprecation(version: Obj, path: str, found: Found) -> None:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    where = f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        found.append(invalid(where, warning, "can only be set for deprecated versions"))
        return
    if len(warning.encode()) > 256:
        found.append(invalid(where, warning, "must be <= 256 characters long"))
    if not warning:
        found.append(invalid(where, warning, "must not be an empty string"))
    if not warning.isprintable():
        sound = next(index for index, letter in enumerate(warning) if not letter.isprintable())
        why = "must only contain printable UTF-8 characters; non-printable character found at index"
        found.append(invalid(where, warning, f"{why} {len(warning[:sound].encode())}"))


def _check_scale(scale: Obj | None, path: str, found: Found) -> None:
    if scale is None:
        return
    for name, root in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        if scale.get(name):
            _check_scale_path(scale[name], f"{path}.{name}", (root,), f"should be a json path under .{root}", found)
        else:
            found.append(required(f"{path}.{name}"))
    if labels := scale.get("labelSelectorPath"):
        why = "should be a json path under either .spec or .status"
        _check_scale_path(labels, f"{path}.labelSelectorPath", ("status", "spec"), why, found)


def _check_scale_path(text: str, path: str, roots: tuple[str, ...], why: str, found: Found) -> None:
    if not text.startswith("."):
        found.append(invalid(path, text, _FROM_ROOT))
    elif not text.startswith(tuple(f".{root}." for root in roots)) or not _SIMPLE.fullmatch(text):
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
    _check_column_path(column.get("jsonPath") or "", f"{path}.JSONPath", found)


def _check_column_path(text: str, path: str, found: Found) -> None:
    """Upstream takes any text that begins with a dot, and then serves no Table of a kind whose path it cannot read."""
    if not text:
        found.append(required(path))
    elif not text.startswith("."):
        found.append(invalid(path, text, _FROM_ROOT))
    else:
        try:
            compiled(text)
        except PathError as problem:
            found.append(invalid(path, text, f"is an invalid json path: {problem}"))


def _check_selectable(fields: list[Obj], schema: Obj, path: str, found: Found) -> None:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", field.get("jsonPath") or ""
        if not text:
            found.append(required(where))
        elif why := _not_found(text, schema):
            found.append(invalid(where, text, f"is an invalid path: {why}"))
        else:
            _check_selected(text, schema, where, found)
            check_unique(where, text, seen, found)
    if len(seen) > MAX_SELECTABLE:
        found.append(too_many(path, len(seen), MAX_SELECTABLE))


def _not_found(text: str, schema: Obj) -> str:
    if not _SIMPLE.fullmatch(text):
        return "must be a simple path of field names"
    names = text[1:].split(".")
    if names[0] != "metadata" and _field_at(names, schema) is None:
        return "does not refer to a valid field"
    return ""


def _field_at(names: list[str], schema: Obj) -> Any:
    at: Any = schema
    for name in names:
        at = ((at or {}).get("properties") or {}).get(name)
    return at


def _check_selected(text: str, schema: Obj, path: str, found: Found) -> None:
    names = text[1:].split(".")
    if names[0] == "metadata":
        found.append(invalid(path, text, "must not point to fields in metadata"))
    elif _field_at(names, schema).get("type") not in _SELECTABLE_TYPES:
        why = "must point to a field of type string, boolean or integer."
        found.append(invalid(path, text, f"{why} Enum string fields and strings with formats are allowed."))
