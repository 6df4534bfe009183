"""IngressClass (networking.k8s.io/v1): which controller serves the Ingresses that name the class."""

from __future__ import annotations

import re
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_immutable, check_text, forbidden, invalid, not_supported, required, too_long
from podo.values import names

_SCOPES = ("Cluster", "Namespace")
_CONTROLLER_MAX = 250
_SEGMENT = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_is_segment = re.compile(_SEGMENT).fullmatch


def _fill_in(given: Obj) -> None:
    parameters = (given.get("spec") or {}).get("parameters")
    if parameters and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    controller = spec.get("controller") or ""
    if old is not None:
        check_immutable("spec.controller", controller, (old.get("spec") or {}).get("controller") or "", found)
    if len(controller) > _CONTROLLER_MAX:
        found.append(too_long("spec.controller", _CONTROLLER_MAX))
    _check_prefixed_path("spec.controller", controller, found)
    if (parameters := spec.get("parameters")) is not None:
        _check_parameters(parameters, "spec.parameters", found)
    return found


def _check_prefixed_path(path: str, text: str, found: Found) -> None:
    if not text:
        found.append(required(path))
        return
    host, _, rest = text.partition("/")
    if not host or not rest:
        found.append(invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")'))
        return
    found.extend(invalid(path, host, message) for message in names.subdomain(host))
    if not _is_segment(rest):
        found.append(invalid(path, rest, f"Invalid path (regex used for validation is '{_SEGMENT}')"))


def _check_parameters(parameters: dict[str, Any], path: str, found: Found) -> None:
    if (group := parameters.get("apiGroup")) is not None:
        check_text(f"{path}.apiGroup", group, names.subdomain, found)
    for field in ("kind", "name"):
        if text := parameters.get(field):
            check_text(f"{path}.{field}", text, names.path_segment, found)
        else:
            found.append(required(f"{path}.{field}"))
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if not scope:
        found.append(required(f"{path}.scope"))
    elif scope not in _SCOPES:
        found.append(not_supported(f"{path}.scope", scope, _SCOPES))
    elif scope == "Cluster" and namespace is not None:
        found.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif scope == "Namespace" and namespace is None:
        found.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        check_text(f"{path}.namespace", namespace, names.label, found)


def _parameters(given: Obj) -> str:
    found = (given.get("spec") or {}).get("parameters")
    if not found:
        return "<none>"
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


INGRESSCLASS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    singular="ingressclass",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    columns=(
        NAME,
        column("Controller", lambda given: (given.get("spec") or {}).get("controller") or ""),
        column("Parameters", _parameters),
        AGE,
    ),
    generation=True,
)
