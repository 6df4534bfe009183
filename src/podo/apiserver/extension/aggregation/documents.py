"""What an extension API server says of itself: its resources and its OpenAPI documents, in the forms that this server
merges. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Obj

DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


@dataclass(frozen=True, slots=True)
class Documents:
    """``resources``: as a version of APIGroupDiscovery lists them, None before they were seen; ``swagger``: OpenAPI v2;
    ``v3``: the server's own URL of the OpenAPI v3 document. ``etag``: of ``swagger``."""

    resources: tuple[Obj, ...] | None = None
    fresh: bool = False
    swagger: Obj = field(default_factory=dict)
    etag: str = ""
    v3: str = ""


def resources_of_group_list(listed: Any, group: str, version: str) -> tuple[Obj, ...] | None:
    """Out of an APIGroupDiscoveryList (v2 and v2beta1 are alike); None if it does not have the version."""
    for item in _objects(listed, "items"):
        if (item.get("metadata") or {}).get("name") != group:
            continue
        for found in _objects(item, "versions"):
            if found.get("version") == version:
                return tuple(_objects(found, "resources"))
    return None


def resources_of_list(listed: Any, group: str, version: str) -> tuple[Obj, ...]:
    """Out of an APIResourceList, the older form."""
    rows = [row for row in _objects(listed, "resources") if isinstance(row.get("name"), str)]
    subresources: dict[str, list[Obj]] = {}
    for row in rows:
        plural, slash, name = row["name"].partition("/")
        if slash:
            found = {"subresource": name, "responseKind": _kind(row, group, version), "verbs": row.get("verbs") or []}
            subresources.setdefault(plural, []).append(found)
    return tuple(_discovered(row, group, version, subresources) for row in rows if "/" not in row["name"])


def _discovered(row: Obj, group: str, version: str, subresources: dict[str, list[Obj]]) -> Obj:
    found: Obj = {
        "resource": row["name"],
        "responseKind": _kind(row, group, version),
        "scope": "Namespaced" if row.get("namespaced") else "Cluster",
        "singularResource": row.get("singularName") or str(row.get("kind") or "").lower(),
        "verbs": row.get("verbs") or [],
    }
    for name in ("shortNames", "categories"):
        if row.get(name):
            found[name] = row[name]
    if row["name"] in subresources:
        found["subresources"] = subresources[row["name"]]
    return found


def _kind(row: Obj, group: str, version: str) -> Obj:
    return {
        "group": row.get("group") or group,
        "version": row.get("version") or version,
        "kind": row.get("kind") or "",
    }


def _objects(obj: Any, field_name: str) -> list[Obj]:
    found = obj.get(field_name) if isinstance(obj, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def v3_url(index: Any, group_version: str) -> str:
    """The URL of a group version's document out of an index of OpenAPI v3; "" if there is none on the server."""
    paths = index.get("paths") if isinstance(index, dict) else None
    entry = paths.get(f"apis/{group_version}") if isinstance(paths, dict) else None
    url = entry.get("serverRelativeURL") if isinstance(entry, dict) else None
    return url if isinstance(url, str) and url.startswith("/openapi/v3/") else ""
