"""This server's documents with those of extension API servers in them: discovery in both forms, OpenAPI v2 and the
index of v3. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from podo.api.kind import Obj
from podo.apiserver.extension.aggregation.documents import Documents
from podo.apiserver.extension.aggregation.extensions import Extension

Known = Sequence[tuple[Extension, Documents]]
_REF = "#/definitions/"


def group_list(base: Obj, known: Known) -> Obj:
    """An APIGroupDiscoveryList. A version that cannot be reached is there, marked Stale, with what it had."""
    items = [dict(item) for item in base["items"]]
    by_group = {item["metadata"].get("name"): item for item in items}
    for extension, documents in known:
        version: Obj = {"version": extension.version, "freshness": "Current" if documents.fresh else "Stale"}
        if documents.resources is not None:
            version["resources"] = list(documents.resources)
        item = by_group.get(extension.group)
        if item is None:
            item = {"metadata": {"name": extension.group, "creationTimestamp": None}, "versions": []}
            by_group[extension.group] = item
            items.append(item)
        others = [one for one in item["versions"] if one["version"] != extension.version]
        item["versions"] = [*others, version]
    return {**base, "items": items}


def legacy_groups(base: Obj, known: Known) -> Obj:
    """An APIGroupList."""
    groups = {group["name"]: group for group in base["groups"]}
    for extension, _ in known:
        groups[extension.group] = legacy_group(groups.get(extension.group), extension)
    return {**base, "groups": list(groups.values())}


def legacy_group(base: Obj | None, extension: Extension) -> Obj:
    """An APIGroup with the extension's version in it."""
    own = {"groupVersion": extension.group_version, "version": extension.version}
    if base is None:
        return {"name": extension.group, "versions": [own], "preferredVersion": own}
    versions = [one for one in base["versions"] if one["version"] != extension.version]
    return {**base, "versions": [*versions, own]}


def v3_index(base: Obj, known: Known) -> Obj:
    paths = dict(base["paths"])
    for extension, documents in known:
        if documents.v3:
            paths[f"apis/{extension.group_version}"] = {"serverRelativeURL": documents.v3}
    return {**base, "paths": paths}


def swagger(base: Obj, known: Known) -> Obj:
    """An OpenAPI v2 document. Of definitions by one name that are not alike, the second server's is renamed."""
    paths, definitions = dict(base.get("paths") or {}), dict(base.get("definitions") or {})
    for extension, documents in known:
        theirs = documents.swagger
        renamed = _renamed(definitions, theirs.get("definitions") or {})
        if renamed:
            theirs = _with_names(theirs, renamed)
        own = f"{extension.path}/", f"/apis/{extension.group}/"
        found = (theirs.get("paths") or {}).items()
        for path, item in found:
            if path.startswith(own[0]) or path == own[1]:
                paths.setdefault(path, item)
        for name, definition in (theirs.get("definitions") or {}).items():
            definitions.setdefault(name, definition)
    return {**base, "paths": paths, "definitions": definitions}


def _renamed(there: Obj, theirs: Obj) -> dict[str, str]:
    """Names that mean something else here -> names that are free."""
    renamed: dict[str, str] = {}
    for name, definition in theirs.items():
        if name not in there or there[name] == definition:
            continue
        number = 2
        while (free := f"{name}_v{number}") in there or free in theirs:
            number += 1
        renamed[name] = free
    return renamed


def _with_names(document: Obj, renamed: dict[str, str]) -> Obj:
    """The document with its definitions under other names."""
    text = orjson.dumps(document).decode()
    quoted = re.compile('"' + re.escape(_REF) + '([^"]+)"')
    text = quoted.sub(lambda found: f'"{_REF}{renamed.get(found[1], found[1])}"', text)
    found: Obj = orjson.loads(text)
    definitions = {renamed.get(name, name): one for name, one in (found.get("definitions") or {}).items()}
    return {**found, "definitions": definitions}
