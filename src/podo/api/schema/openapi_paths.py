"""The paths of an OpenAPI document: which operations each served kind has, with their parameters and bodies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.kind import Kind
from podo.api.schema import table
from podo.runtime.slices import rest

Document = dict[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
SCALE = "io.k8s.api.autoscaling.v1.Scale"

_TEXT, _WHOLE, _TRUTH = "string", "integer", "boolean"
_READ = {"pretty": _TEXT}
_LIST = _READ | {
    "allowWatchBookmarks": _TRUTH,
    "continue": _TEXT,
    "fieldSelector": _TEXT,
    "labelSelector": _TEXT,
    "limit": _WHOLE,
    "resourceVersion": _TEXT,
    "resourceVersionMatch": _TEXT,
    "sendInitialEvents": _TRUTH,
    "timeoutSeconds": _WHOLE,
    "watch": _TRUTH,
}
_WRITE = _READ | {"dryRun": _TEXT, "fieldManager": _TEXT, "fieldValidation": _TEXT}
_DELETE = _READ | {
    "dryRun": _TEXT,
    "gracePeriodSeconds": _WHOLE,
    "orphanDependents": _TRUTH,
    "propagationPolicy": _TEXT,
}
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_JSON = "application/json"

#: HTTP method, action, query parameters, and the verb of ``Kind.verbs`` it needs.
_COLLECTION = (
    ("get", "list", _LIST, "list"),
    ("post", "post", _WRITE, "create"),
    ("delete", "deletecollection", _LIST | _DELETE, "deletecollection"),
)
_ITEM = (
    ("get", "get", _READ, "get"),
    ("put", "put", _WRITE, "update"),
    ("patch", "patch", _WRITE | {"force": _TRUTH}, "patch"),
    ("delete", "delete", _DELETE, "delete"),
)
_OPERATION_VERBS = {"get": "read", "post": "create", "put": "replace", "deletecollection": "deleteCollection"}
_METHODS_OF_PARTS = ("get", "put", "patch")
#: Subresources that are read and written as an object is.
_PARTS = frozenset(("status", "scale", "ephemeralcontainers", "resize"))


def paths(kinds: Iterable[Kind], ref: str, version: int) -> Document:
    """Path to path item, for the resources of the kinds; ``ref`` is what comes before a schema's name."""
    made: Document = {}
    for kind in kinds:
        rest()
        name = kind.custom.name if kind.custom else table.name_of(kind.group, kind.version, kind.kind)
        if name is None or not kind.plural:
            continue
        writer = _Writer(kind, name, ref, version)
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        place = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
        if kind.namespaced and "list" in kind.verbs:
            made[f"{root}/{kind.plural}"] = writer.across()
        made[f"{place}/{kind.plural}"] = writer.collection()
        made[f"{place}/{kind.plural}/{{name}}"] = writer.item()
        for part in sorted(kind.subresources & _PARTS):
            made[f"{place}/{kind.plural}/{{name}}/{part}"] = writer.part(part)
    return made


def _group_name(kind: Kind) -> str:
    """``Apps``, ``Core``; of a custom kind ``StableExampleCom``."""
    if kind.custom is None:
        return (kind.group.split(".")[0] or "core").title()
    return "".join(part.title() for part in kind.group.split("."))


class _Writer:
    """Writes the path items of one kind."""

    def __init__(self, kind: Kind, name: str, ref: str, version: int) -> None:
        self._kind = kind
        self._name = name
        self._ref = ref
        self._version = version
        group = _group_name(kind)
        self._place = f"{group}{kind.version.title()}{'Namespaced' if kind.namespaced else ''}"
        self._tag = f"{group[:1].lower()}{group[1:]}_{kind.version}"

    def across(self) -> Document:
        """The list of all namespaces."""
        operation = self._operation("list", _LIST)
        operation["operationId"] = operation["operationId"].replace("Namespaced", "") + "ForAllNamespaces"
        return {"get": operation}

    def collection(self) -> Document:
        found = {m: self._operation(a, q) for m, a, q, verb in _COLLECTION if verb in self._kind.verbs}
        return found | self._placed("namespace" if self._kind.namespaced else "")

    def item(self) -> Document:
        found = {m: self._operation(a, q) for m, a, q, verb in _ITEM if verb in self._kind.verbs}
        return found | self._placed("name", "namespace" if self._kind.namespaced else "")

    def part(self, part: str) -> Document:
        """The path item of ``/status``, ``/scale`` and other parts."""
        body, kind = self._name, (self._kind.group, self._kind.version, self._kind.kind)
        if part == "scale":
            body, kind = SCALE, ("autoscaling", "v1", "Scale")
        found = {}
        for method, action, query, _ in _ITEM:
            if method in _METHODS_OF_PARTS:
                found[method] = self._operation(action, query, body, kind)
                found[method]["operationId"] += part.title()
        return found | self._placed("name", "namespace" if self._kind.namespaced else "")

    def _placed(self, *names: str) -> Document:
        return {"parameters": [self._parameter(name, _TEXT, "path") for name in names if name]}

    def _operation(
        self, action: str, query: dict[str, str], body: str = "", kind: tuple[str, str, str] | None = None
    ) -> Document:
        body = body or self._name
        group, version, name = kind or (self._kind.group, self._kind.version, self._kind.kind)
        operation: Document = {
            "operationId": f"{_OPERATION_VERBS.get(action, action)}{self._place}{self._kind.kind}",
            "tags": [self._tag],
            "parameters": [self._parameter(key, kind_, "query") for key, kind_ in query.items()],
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "kind": name, "version": version},
        }
        answer = {"list": f"{body}List", "delete": f"{META}.Status", "deletecollection": f"{META}.Status"}.get(
            action, body
        )
        self._bodies(operation, action, body, answer)
        return operation

    def _bodies(self, operation: Document, action: str, body: str, answer: str) -> None:
        sent = {"post": body, "put": body, "patch": f"{META}.Patch"}.get(action)
        if action in ("delete", "deletecollection"):
            sent = f"{META}.DeleteOptions"
        patches = _PATCHES if self._kind.custom is None else _PATCHES[:-1]  # how custom lists merge is not said
        kinds = patches if action == "patch" else ("*/*",)
        codes = {
            "post": ("200", "201", "202"),
            "put": ("200", "201"),
            "patch": ("200", "201"),
            "delete": ("200", "202"),
        }
        if self._version == 3:
            if sent:
                content = {kind: {"schema": {"$ref": self._ref + sent}} for kind in kinds}
                operation["requestBody"] = {"content": content}
            answers: Document = {"description": "OK", "content": {_JSON: {"schema": {"$ref": self._ref + answer}}}}
        else:
            if sent:
                operation["parameters"].append({"name": "body", "in": "body", "schema": {"$ref": self._ref + sent}})
            operation |= {"consumes": list(kinds), "produces": [_JSON]}
            answers = {"description": "OK", "schema": {"$ref": self._ref + answer}}
        operation["responses"] = dict.fromkeys(codes.get(action, ("200",)), answers)

    def _parameter(self, name: str, kind: str, place: str) -> Document:
        parameter: Document = {"name": name, "in": place}
        if self._version == 3:
            parameter["schema"] = {"type": kind, "uniqueItems": True}
        else:
            parameter |= {"type": kind, "uniqueItems": True}
        if place == "path":
            parameter["required"] = True
        return parameter
