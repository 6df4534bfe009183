"""The metadata of a custom resource and of the resources embedded in it: what it may hold, whatever the schema says.

Source: "RawExtension" (x-kubernetes-embedded-resource) of the documentation of CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podo.api.rules import Found, check_text, invalid, required
from podo.api.schema.mismatch import WrongType
from podo.api.schema.table import type_named
from podo.api.structural.walking import Path, Schema, additional, is_embedded, items, path_text, properties
from podo.values import names

METADATA_TYPE = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
#: Coerces metadata in place and tells unknown fields; raises WrongType.
Coerce = Callable[[Any, Path, list[str]], None]
Check = Callable[[Any, Path, Found], None]


def coerce_metadata(holder: dict[str, Any], path: Path, unknown: list[str]) -> None:
    """Bring ``metadata`` of a resource into its stored form. Raises WrongType."""
    found = holder.get("metadata")
    if found is None:
        holder.pop("metadata", None)
        return
    try:
        type_named(METADATA_TYPE).decoder(found, (path, "metadata"), unknown)
    except WrongType as wrong:
        wrong.inside("", "metadata")
        raise


def coercer(schema: Schema) -> Coerce | None:
    """What coerces the metadata of the resources embedded in a value; None where there are none."""

    def one(value: dict[str, Any], path: Path, unknown: list[str]) -> None:
        coerce_metadata(value, path, unknown)

    return _each(schema, one)


def checker(schema: Schema) -> Check | None:
    """What checks apiVersion, kind and metadata of embedded resources."""
    return _each(schema, _check)


def _check(value: dict[str, Any], path: Path, found: Found) -> None:
    where = path_text(path)
    version = value.get("apiVersion")
    if not version:
        found.append(required(f"{where}.apiVersion", "must not be empty"))
    elif version.__class__ is not str or version.count("/") > 1 or not version.strip("/"):
        found.append(invalid(f"{where}.apiVersion", version, f"unexpected GroupVersion string: {version}"))
    kind = value.get("kind")
    if not kind:
        found.append(required(f"{where}.kind", "must not be empty"))
    elif kind.__class__ is str:
        for message in names.label_1035(kind.lower()):
            found.append(invalid(f"{where}.kind", kind, f"may have mixed case, but should otherwise match: {message}"))
    metadata = value.get("metadata")
    if metadata.__class__ is dict:
        _check_metadata(metadata, f"{where}.metadata", found)


def _check_metadata(metadata: dict[str, Any], where: str, found: Found) -> None:
    from podo.api.metadata_rules import check_annotations, check_labels

    if name := metadata.get("name"):
        check_text(f"{where}.name", name, names.subdomain, found)
    if labels := metadata.get("labels"):
        check_labels(labels, f"{where}.labels", found)
    if annotations := metadata.get("annotations"):
        check_annotations(annotations, f"{where}.annotations", found)


def _each(schema: Schema, one: Callable[[dict[str, Any], Path, Any], None]) -> Callable[[Any, Path, Any], None] | None:
    """Does ``one`` to every embedded resource of a value, the outer ones first."""
    here = is_embedded(schema)
    inner = items(schema)
    if inner is not None:
        of_items = _each(inner, one)
        return None if of_items is None else _over_items(of_items)
    values = additional(schema)
    deeper = _each(values, one) if values is not None else None
    known = {name: made for name, part in properties(schema).items() if (made := _each(part, one)) is not None}
    if not here and deeper is None and not known:
        return None

    def walk(value: Any, path: Path, gathered: Any) -> None:
        if value.__class__ is not dict:
            return
        if here:
            one(value, path, gathered)
        if known or deeper is not None:
            for key, item in value.items():
                found = known.get(key, deeper)
                if found is not None:
                    found(item, (path, key), gathered)

    return walk


def _over_items(of_items: Callable[[Any, Path, Any], None]) -> Callable[[Any, Path, Any], None]:
    def walk(value: Any, path: Path, gathered: Any) -> None:
        if value.__class__ is list:
            for index, item in enumerate(value):
                of_items(item, (path, index), gathered)

    return walk
