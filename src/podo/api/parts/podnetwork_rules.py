"""What a pod's network settings must be like: DNS, ports on the host's network, the host name it is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.api.parts.addresses import check_ip
from podo.api.rules import Found, check_text, check_unique, forbidden, invalid, required, too_long
from podo.values import names

#: Limits of name resolution in libc.
_SERVERS_MAX, _SEARCHES_MAX, _SEARCH_TEXT_MAX = 3, 32, 2048
_HOSTNAME_MAX = 64


def check_dns(spec: dict[str, Any], path: str, found: Found) -> None:
    """``dnsConfig``, which must give a server where ``dnsPolicy`` gives none."""
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            found.append(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
            return
        if not config.get("nameservers"):
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            found.append(required(f"{path}.nameservers", why))
            return
    if config is None:
        return
    servers = config.get("nameservers") or ()
    if len(servers) > _SERVERS_MAX:
        found.append(invalid(f"{path}.nameservers", servers, f"must not have more than {_SERVERS_MAX} nameservers"))
    for index, server in enumerate(servers):
        check_ip(f"{path}.nameservers[{index}]", server, found)
    _check_searches(config.get("searches") or (), f"{path}.searches", found)
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            found.append(required(f"{path}.options[{index}]", "must not be empty"))


def _check_searches(searches: Any, path: str, found: Found) -> None:
    if len(searches) > _SEARCHES_MAX:
        found.append(invalid(path, searches, f"must not have more than {_SEARCHES_MAX} search paths"))
    if len(" ".join(searches)) > _SEARCH_TEXT_MAX:
        why = f"must not have more than {_SEARCH_TEXT_MAX} characters (including spaces) in the search list"
        found.append(invalid(path, searches, why))
    for index, search in enumerate(searches):
        if search != ".":
            check_text(f"{path}[{index}]", search.removesuffix("."), names.dns_search, found)


def check_host_ports(spec: dict[str, Any], path: str, is_pod: bool, found: Found) -> None:
    """On the host's network a port is the host's port; in a template it may be filled in later."""
    if not spec.get("hostNetwork"):
        return
    for index, container in enumerate(spec.get("containers") or ()):
        for at, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort") or 0
            if (is_pod or host) and host != port.get("containerPort"):
                why = "must match `containerPort` when `hostNetwork` is true"
                found.append(invalid(f"{path}[{index}].ports[{at}].hostPort", host, why))


def check_distinct_host_ports(containers: Iterable[tuple[str, dict[str, Any]]], found: Found) -> None:
    """Of containers that run together, each with its path: no two ports are one port of the host."""
    taken: set[str] = set()
    for path, container in containers:
        for index, port in enumerate(container.get("ports") or ()):
            if not (number := port.get("hostPort")):
                continue
            identity = f"{port.get('protocol')}/{port.get('hostIP') or ''}/{number}"
            check_unique(f"{path}.ports[{index}].hostPort", identity, taken, found)


def check_hostname_override(spec: dict[str, Any], path: str, found: Found) -> None:
    """A host name instead of what ``hostname`` and ``subdomain`` make (KEP-4762)."""
    if (name := spec.get("hostnameOverride")) is None:
        return
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field):
            found.append(forbidden(path, f"may not be specified when {field} is true"))
    if len(name) > _HOSTNAME_MAX:
        found.append(too_long(path, _HOSTNAME_MAX))
    check_text(path, name, names.subdomain, found)
