"""Custom kinds as a client over the network learns of them: by the server's discovery, when one is first named.

Source: "API discovery" of the Kubernetes API concepts (apidiscovery.k8s.io/v2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api import registry
from podo.api.kind import Kind, Obj

#: What the documents are asked for as.
ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Discovered:
    """The kinds of a server that are not built in; those of its last documents."""

    def __init__(self) -> None:
        self._by_name: dict[str, Kind] = {}

    def named(self, name: str) -> Kind:
        """As ``registry.named``; a custom kind without a version is the preferred one. Raises UnknownKind."""
        try:
            return registry.named(name)
        except registry.UnknownKind:
            if name in self._by_name:
                return self._by_name[name]
            raise

    def of(self, obj: Obj) -> Kind:
        """The kind of an object. Raises UnknownKind."""
        try:
            return registry.of(obj)
        except registry.UnknownKind:
            found = self._by_name.get(f"{obj.get('apiVersion')}/{obj.get('kind')}")
            if found is None:
                raise
            return found

    def learn(self, document: Obj) -> None:
        """Take over what an APIGroupDiscoveryList says."""
        self._by_name = {}
        for kind in _kinds(document):
            for name in (kind.kind, f"{kind.group}/{kind.kind}", f"{kind.api_version}/{kind.kind}"):
                self._by_name.setdefault(name, kind)


def _kinds(document: Obj) -> Iterator[Kind]:
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                if (found := _kind(name, version.get("version") or "", resource)) is not None:
                    yield found


def _kind(group: str, version: str, resource: dict[str, Any]) -> Kind | None:
    kind = (resource.get("responseKind") or {}).get("kind")
    if not kind or not resource.get("resource") or registry.resource(group, version, resource["resource"]) is not None:
        return None
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=resource["resource"],
        namespaced=resource.get("scope") == "Namespaced",
        singular=resource.get("singularResource") or "",
        short_names=tuple(resource.get("shortNames") or ()),
        categories=tuple(resource.get("categories") or ()),
        verbs=tuple(resource.get("verbs") or ()),
        subresources=frozenset(one["subresource"] for one in resource.get("subresources") or ()),
    )
