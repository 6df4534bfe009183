"""Discovery: which groups, versions and resources there are, in the aggregated form and in the older one.

Source: "API discovery" of the Kubernetes API concepts; apidiscovery.k8s.io/v2 and metav1 APIResourceList.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import sha256

from podo.api.encoding import dumps
from podo.api.kind import Kind, Obj
from podo.apiserver.negotiate import Form
from podo.apiserver.served import Kinds, Served
from podo.http.message import Response

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
#: What a subresource's body is, and what can be done with it.
_SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "status": ("", "", "", ("get", "patch", "update")),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "binding": ("", "v1", "Binding", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "finalize": ("", "", "", ("update",)),
    "ephemeralcontainers": ("", "", "", ("get", "patch", "update")),
    "resize": ("", "", "", ("get", "patch", "update")),
    "log": ("", "", "", ("get",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")),
    "attach": ("", "v1", "PodAttachOptions", ("create", "get")),
    "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get")),
    "proxy": ("", "v1", "{}ProxyOptions", ("create", "delete", "get", "patch", "update")),
    "approval": ("", "", "", ("get", "patch", "update")),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
}


#: Longer paths name no group and version, and are not remembered.
_MOST_PATH = 1024


def discovery_answer(kinds: Served, path: str, form: Form, etag_seen: str, host: str) -> Response | None:
    """The answer of a discovery path, or None if it is none. ``etag_seen``: the If-None-Match header."""
    every = kinds.all_kinds()
    parts = [part for part in path.split("/") if part]
    aggregated = form.as_kind == "APIGroupDiscoveryList"
    if len(parts) == 1 and aggregated:
        body, etag = _aggregated(parts[0], every, form.version)
        media = _AGGREGATED.format(form.version)
        if etag_seen == etag:
            return Response(304, b"", media, [("ETag", etag)])
        return Response(200, body, media, [("ETag", etag), ("Vary", "Accept")])
    if parts == ["api"]:
        return Response(200, dumps(_core_versions(every, host)))
    body = _legacy(tuple(parts), every) if len(parts) <= 3 and len(path) <= _MOST_PATH else b""
    return Response(200, body) if body else None


def index(kinds: Served, others: Iterable[str]) -> Response:
    """``/``: every path that is served, but for those of resources. ``others``: those that are no discovery."""
    found = {"/api", "/apis", "/apis/", *others}
    for kind in kinds.all_kinds():
        found |= {f"/apis/{kind.group}", f"/apis/{kind.api_version}"} if kind.group else {f"/api/{kind.version}"}
    return Response(200, dumps({"paths": sorted(found)}))


def _groups(kinds: Kinds) -> dict[str, dict[str, list[Kind]]]:
    """group -> version -> kinds, in the order they are served."""
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return found


def _core_versions(kinds: Kinds, host: str) -> Obj:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
    return {"kind": "APIVersions", "versions": list(_groups(kinds)[""]), "serverAddressByClientCIDRs": addresses}


@lru_cache(maxsize=256)
def _legacy(parts: tuple[str, ...], every: Kinds) -> bytes:
    groups = _groups(every)
    if parts == ("apis",):
        listed = [_group(group, versions) for group, versions in groups.items() if group]
        return dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in groups:
        return dumps({"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])})
    group, version = ("", parts[1]) if parts[:1] == ("api",) and len(parts) == 2 else ("", "")
    if len(parts) == 3 and parts[0] == "apis":
        group, version = parts[1], parts[2]
    kinds = groups.get(group, {}).get(version)
    return dumps(_resource_list(group, version, kinds)) if kinds else b""


def _group(group: str, versions: Iterable[str]) -> Obj:
    served = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": served, "preferredVersion": served[0]}


def _resource_list(group: str, version: str, kinds: list[Kind]) -> Obj:
    rows: list[Obj] = []
    for kind in sorted(kinds, key=lambda kind: kind.plural):
        rows.append(_resource(kind))
        rows.extend(_subresource(kind, name) for name in sorted(kind.subresources) if name in _SUBRESOURCES)
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def _resource(kind: Kind) -> Obj:
    row: Obj = {
        "name": kind.plural,
        "singularName": kind.singular or kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if "create" in kind.verbs and "list" in kind.verbs:
        row["storageVersionHash"] = _storage_version_hash(kind)
    return row


def _storage_version_hash(kind: Kind) -> str:
    """Changes with the version that objects are stored in; clients compare it only."""
    stored = kind.stored_as or kind
    name = f"{stored.group}/{kind.stored_version or stored.version}/{stored.kind}"
    return b64encode(sha256(name.encode()).digest()[:8]).decode()


def _subresource(kind: Kind, name: str) -> Obj:
    group, version, body, verbs = _SUBRESOURCES[name]
    row: Obj = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
    if group:
        row |= {"group": group, "version": version}
    return row | {"kind": body.format(kind.kind) or kind.kind, "verbs": list(verbs)}


@lru_cache(maxsize=8)
def _aggregated(root: str, kinds: Kinds, version: str) -> tuple[bytes, str]:
    """The body and its ETag. The versions v2 and v2beta1 differ by their name only."""
    chosen: Callable[[str], bool] = (lambda group: not group) if root == "api" else bool
    items = [_discovered(group, versions) for group, versions in _groups(kinds).items() if chosen(group)]
    api_version = f"apidiscovery.k8s.io/{version}"
    body = dumps({"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items})
    return body, f'"{sha256(body).hexdigest().upper()}"'


def _discovered(group: str, versions: dict[str, list[Kind]]) -> Obj:
    metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
    served = [
        {
            "version": version,
            "resources": [_discovered_resource(kind) for kind in sorted(kinds, key=lambda kind: kind.plural)],
            "freshness": "Current",
        }
        for version, kinds in versions.items()
    ]
    return {"metadata": metadata, "versions": served}


def _discovered_resource(kind: Kind) -> Obj:
    row: Obj = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular or kind.kind.lower(),
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    subresources = [_discovered_subresource(kind, name) for name in sorted(kind.subresources) if name in _SUBRESOURCES]
    if subresources:
        row["subresources"] = subresources
    return row


def _discovered_subresource(kind: Kind, name: str) -> Obj:
    group, version, body, verbs = _SUBRESOURCES[name]
    own = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    response = {"group": group, "version": version, "kind": body.format(kind.kind)} if body else own
    return {"subresource": name, "responseKind": response, "verbs": list(verbs)}
