"""From a CustomResourceDefinition to the kinds it defines, one a served version. Pure.

Source: API reference "CustomResourceDefinitionSpec"; the documentation of versions in CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from podo.api.columns import AGE, NAME, since
from podo.api.kind import Column, Kind, Obj, Problem, ScalePaths
from podo.api.kinds.apiextensions.customresourcedefinition import storage_version
from podo.api.meta import condition_is_true
from podo.api.rules import Found, invalid
from podo.api.structural.schema import StructuralSchema
from podo.values.jsonpath import Find, PathError, compiled
from podo.values.selector import SelectorError, parse

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_LARGEST = 2**31 - 1
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def is_served(definition: Obj) -> bool:
    """Are the kinds of this definition served? Once established they are until it is gone."""
    return condition_is_true(definition, "Established")


def converts_by_webhook(definition: Obj) -> bool:
    return (definition["spec"].get("conversion") or {}).get("strategy") == "Webhook"


def kinds_of(definition: Obj) -> tuple[Kind, ...]:
    """The kinds of a definition's served versions; none if it is not served."""
    if not is_served(definition):
        return ()
    ends = condition_is_true(definition, "Terminating")  # then what is stored can be reached, to be deleted
    versions = definition["spec"]["versions"]
    alike: list[Kind] = []
    found = tuple(
        _kind(definition, one, alike) for one in versions if one.get("served") or (ends and one.get("storage"))
    )
    alike.extend(found)
    return found


def schema_of(definition: Obj, version: Obj) -> StructuralSchema:
    spec = definition["spec"]
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or _ANYTHING
    return StructuralSchema(schema, spec["group"], version["name"], spec["names"]["kind"])


def _kind(definition: Obj, version: Obj, alike: list[Kind]) -> Kind:
    spec, names = definition["spec"], (definition.get("status") or {}).get("acceptedNames") or {}
    schema, parts = schema_of(definition, version), version.get("subresources") or {}
    scale = _scale_paths(parts.get("scale"))
    judge = _judge(schema, scale)
    reads = not _is_stored_as_served(definition, version)
    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        namespaced=spec["scope"] == "Namespaced",
        singular=names.get("singular") or names["kind"].lower(),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=_VERBS if not condition_is_true(definition, "Terminating") else _VERBS[1:],
        fill_in=schema.fill_in,
        problems=judge,
        status_problems=judge,
        columns=tuple(_columns(version.get("additionalPrinterColumns") or ())),
        fields=_selectable(version.get("selectableFields") or ()),
        subresources=frozenset(name for name in ("status", "scale") if parts.get(name) is not None),
        scale=scale,
        generation=True,
        to_stored=_writer(definition, version),
        from_stored=_reader(schema) if reads else None,
        stored_version=storage_version(definition),
        conditional=True,
        long_rules=schema.rules.some,
        custom=schema,
        versions=alike,
        warning=_warning(definition, version),
        named_list=names.get("listKind") or "",
    )


# -- versions --------------------------------------------------------------------------------------------------------


def _is_stored_as_served(definition: Obj, version: Obj) -> bool:
    """Can stored bytes be given out as they are? Only while every object was written by this very schema."""
    if converts_by_webhook(definition):
        return True  # the view of the store converts
    is_first = int(definition["metadata"].get("generation") or 1) == 1
    return bool(version.get("storage")) and is_first


def _writer(definition: Obj, version: Obj) -> Callable[[Obj], Obj] | None:
    if version.get("storage") or converts_by_webhook(definition):
        return None
    stored = f"{definition['spec']['group']}/{storage_version(definition)}"
    return lambda obj: {**obj, "apiVersion": stored}


def _reader(schema: StructuralSchema) -> Callable[[Obj], Obj]:
    api_version = f"{schema.group}/{schema.version}"

    def read(obj: Obj) -> Obj:
        obj["apiVersion"] = api_version
        schema.read(obj)
        return obj

    return read


def _warning(definition: Obj, version: Obj) -> str:
    if not version.get("deprecated"):
        return ""
    spec = definition["spec"]
    said = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    return version.get("deprecationWarning") or said


# -- rules -----------------------------------------------------------------------------------------------------------


def _judge(schema: StructuralSchema, scale: ScalePaths | None) -> Callable[[Obj, Obj | None], list[Problem]]:
    def problems(new: Obj, old: Obj | None) -> Found:
        found = list(schema.problems(new, old))
        if scale is not None:
            _check_scale(new, scale, found)
        return found

    return problems


def _check_scale(obj: Obj, paths: ScalePaths, found: Found) -> None:
    """What the scale subresource reads must be fit to be shown."""
    for path in (paths.spec_replicas, paths.status_replicas):
        count = _at(obj, path)
        if isinstance(count, int) and count < 0:
            found.append(invalid(path, count, "should be a non-negative integer"))
        elif isinstance(count, int) and count > _LARGEST:
            found.append(invalid(path, count, f"should be less than or equal to {_LARGEST}"))
    labels = _at(obj, paths.selector) if paths.selector else None
    if isinstance(labels, str) and labels:
        try:
            parse(labels)
        except SelectorError as problem:
            found.append(invalid(paths.selector, labels, str(problem)))


def _at(obj: Obj, path: str) -> Any:
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _scale_paths(scale: Obj | None) -> ScalePaths | None:
    if scale is None:
        return None
    names = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    wanted, seen, labels = ((scale.get(name) or "").removeprefix(".") for name in names)
    return ScalePaths(wanted, seen, labels)


# -- selectors and columns -------------------------------------------------------------------------------------------


def _selectable(fields: Any) -> dict[str, Callable[[Obj], str]]:
    return {field["jsonPath"].removeprefix("."): _as_text(field["jsonPath"].removeprefix(".")) for field in fields}


def _as_text(path: str) -> Callable[[Obj], str]:
    def read(obj: Obj) -> str:
        value = _at(obj, path)
        if value is None:
            return ""
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    return read


def _columns(columns: Any) -> list[Column]:
    found = [NAME]
    for column in columns:
        try:
            find = compiled(column["jsonPath"])
        except PathError:
            continue  # let in by an older release
        more = {name: column.get(name) or "" for name in ("format", "description")}
        kind, priority = column["type"], int(column.get("priority") or 0)
        found.append(Column(column["name"], _cell(find, kind), kind, priority=priority, **more))
    return found if len(found) > 1 else [NAME, AGE]


def _cell(find: Find, kind: str) -> Callable[[Obj, float], Any]:
    of_kind = _CELLS.get(kind)

    def cell(obj: Obj, now: float) -> Any:
        found = find(obj)
        if not found:
            return None
        return " ".join(map(_text, found)) if of_kind is None else of_kind(found[0], now)

    return cell


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "<nil>" if value is None else orjson.dumps(value).decode()


def _whole(value: Any, now: float) -> Any:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any, now: float) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(value: Any, now: float) -> Any:
    return value if isinstance(value, bool) else None


def _age(value: Any, now: float) -> Any:
    if not isinstance(value, str):
        return None
    found = since(value, now)
    return "<invalid>" if found == "<unknown>" else found


_CELLS: dict[str, Callable[[Any, float], Any]] = {
    "integer": _whole,
    "number": _number,
    "boolean": _truth,
    "date": _age,
}
