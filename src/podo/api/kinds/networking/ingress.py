"""Ingress (networking.k8s.io/v1): which Service answers for a host and a path. An Ingress controller acts on it."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.service_traffic_rules import check_host
from podo.api.meta import annotations_of
from podo.api.parts.addresses import check_ip, ip_version
from podo.api.rules import Found, check_text, invalid, not_supported, required
from podo.values import names

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")
_NOT_IP = "must be a DNS name, not an IP address"
_SHOWN_HOSTS = 3


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        found.append(invalid("spec", rules, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        _check_backend(backend, "spec.defaultBackend", found)
    for index, rule in enumerate(rules):
        _check_rule(rule, f"spec.rules[{index}]", found)
    _check_tls(spec.get("tls") or [], found)
    if (named := spec.get("ingressClassName")) is not None:
        check_text("spec.ingressClassName", named, names.subdomain, found)
        annotated = annotations_of(new).get(CLASS_ANNOTATION)
        if old is None and annotated not in (None, named):
            why = "must match `ingressClassName` when both are specified"
            found.append(invalid(f"annotations.{CLASS_ANNOTATION}", annotated, why))
    return found


def _check_host(host: str, path: str, found: Found) -> None:
    check_text(path, host, names.wildcard_subdomain if "*" in host else names.subdomain, found)


def _check_tls(entries: list[dict[str, Any]], found: Found) -> None:
    for index, entry in enumerate(entries):
        path = f"spec.tls[{index}]"
        for number, host in enumerate(entry.get("hosts") or ()):
            _check_host(host, f"{path}.hosts[{number}]", found)
        if secret := entry.get("secretName"):
            check_text(f"{path}.secretName", secret, names.subdomain, found)


def _check_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    if host := rule.get("host"):
        if ip_version(host):
            found.append(invalid(f"{path}.host", host, _NOT_IP))
        _check_host(host, f"{path}.host", found)
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        found.append(required(f"{path}.http.paths"))
    for index, entry in enumerate(http.get("paths") or ()):
        _check_path(entry, f"{path}.http.paths[{index}]", found)


def _check_path(entry: dict[str, Any], path: str, found: Found) -> None:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        found.append(required(f"{path}.pathType", "pathType must be specified"))
        return
    if kind not in _PATH_TYPES:
        found.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            found.append(invalid(f"{path}.path", text, "must be an absolute path"))
    else:
        _check_matched_path(text, f"{path}.path", found)
    _check_backend(entry.get("backend") or {}, f"{path}.backend", found)


def _check_matched_path(text: str, path: str, found: Found) -> None:
    """The path of ``Exact`` and ``Prefix`` is compared, so it has one form only."""
    if not text.startswith("/"):
        found.append(invalid(path, text, "must be an absolute path"))
    found.extend(invalid(path, text, f"must not contain '{part}'") for part in _NOT_IN_PATH if part in text)
    found.extend(invalid(path, text, f"cannot end with '{end}'") for end in _NOT_AT_END if text.endswith(end))


def _check_backend(backend: dict[str, Any], path: str, found: Found) -> None:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        found.append(invalid(path, "", "cannot set both resource and service backends"))
    elif resource is not None:
        _check_resource(resource, f"{path}.resource", found)
    elif service is not None:
        _check_service(service, path, found)
    else:
        found.append(invalid(path, "", "resource or service backend is required"))


def _check_resource(resource: dict[str, Any], path: str, found: Found) -> None:
    if (group := resource.get("apiGroup")) is not None:
        check_text(f"{path}.apiGroup", group, names.subdomain, found)
    for field in ("kind", "name"):
        if text := resource.get(field):
            check_text(f"{path}.{field}", text, names.path_segment, found)
        else:
            found.append(required(f"{path}.{field}"))


def _check_service(service: dict[str, Any], path: str, found: Found) -> None:
    if name := service.get("name"):
        check_text(f"{path}.service.name", name, names.label, found)
    else:
        found.append(required(f"{path}.service.name"))
    port = service.get("port") or {}
    name, number = port.get("name"), port.get("number")
    if name and number:
        found.append(invalid(path, "", "cannot set both port name & port number"))
    elif name:
        check_text(f"{path}.service.port.name", name, names.port_name, found)
    elif number:
        check_text(f"{path}.service.port.number", number, names.port_number, found)
    else:
        found.append(required(path, "port name or number is required"))


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for index, entry in enumerate(_balancers(new)):
        path = f"status.loadBalancer.ingress[{index}]"
        if address := entry.get("ip"):
            check_ip(f"{path}.ip", address, found)
        check_host(entry.get("hostname"), f"{path}.hostname", found)
    return found


def _balancers(ingress: Obj) -> list[dict[str, Any]]:
    return ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def _class(ingress: Obj) -> str:
    return (ingress.get("spec") or {}).get("ingressClassName") or "<none>"


def _hosts(ingress: Obj) -> str:
    rules = (ingress.get("spec") or {}).get("rules") or []
    shown = [rule["host"] for rule in rules if rule.get("host")][:_SHOWN_HOSTS]
    if not shown:
        return "*"
    more = f" + {len(rules) - _SHOWN_HOSTS} more..." if len(shown) == _SHOWN_HOSTS < len(rules) else ""
    return ",".join(shown) + more


def _address(ingress: Obj) -> str:
    found = {entry.get("ip") or entry.get("hostname") or "" for entry in _balancers(ingress)}
    return ",".join(sorted(found - {""}))


def _ports(ingress: Obj) -> str:
    return "80, 443" if (ingress.get("spec") or {}).get("tls") else "80"


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    if (
        old is not None
        or CLASS_ANNOTATION not in annotations_of(new)
        or (new.get("spec") or {}).get("ingressClassName")
    ):
        return []
    return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


INGRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    singular="ingress",
    short_names=("ing",),
    problems=_problems,
    warnings=_warnings,
    status_problems=_status_problems,
    columns=(
        NAME,
        column("Class", _class),
        column("Hosts", _hosts),
        column("Address", _address),
        column("Ports", _ports),
        AGE,
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
