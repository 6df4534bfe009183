"""Small objects for the tests of kinds, and the two calls those tests make."""

from __future__ import annotations

import copy
from typing import Any

from podo.api.kind import Kind
from podo.api.metadata_rules import problems_of
from podo.api.registry import named

Obj = dict[str, Any]
LABELS = {"app": "web"}


def obj(kind: Kind | str, name: str = "web", **fields: Any) -> Obj:
    found = named(kind) if isinstance(kind, str) else kind
    metadata: Obj = {"name": name}
    if found.namespaced:
        metadata["namespace"] = "default"
    return {"apiVersion": found.api_version, "kind": found.kind, "metadata": metadata, **fields}


def pod(containers: list[Obj] | None = None, **spec: Any) -> Obj:
    return obj("Pod", spec={"containers": containers or [container()], **spec})


def container(name: str = "web", **fields: Any) -> Obj:
    return {"name": name, "image": "nginx:1.14.2", **fields}


def replicated(kind: str, **spec: Any) -> Obj:
    template = {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container()]}}
    return obj(kind, spec={"selector": {"matchLabels": dict(LABELS)}, "template": template, **spec})


def service(*ports: Obj, **spec: Any) -> Obj:
    return obj("Service", spec={"selector": dict(LABELS), "ports": list(ports) or [{"port": 80}], **spec})


def filled(given: Obj) -> Obj:
    """A copy with the defaults of its kind."""
    made = copy.deepcopy(given)
    kind_of(made).fill_in(made)
    return made


def kind_of(given: Obj) -> Kind:
    group = given["apiVersion"].rpartition("/")[0]
    return named(f"{group}/{given['kind']}")


def wrong(new: Obj, old: Obj | None = None) -> list[str]:
    """What is wrong with an object after its defaults, as ``path: message``."""
    before = None if old is None else filled(old)
    return [str(problem) for problem in problems_of(kind_of(new), filled(new), before)]
