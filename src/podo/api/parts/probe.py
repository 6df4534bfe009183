"""Probes and lifecycle handlers of a container: defaults and rules (API reference: Probe, LifecycleHandler)."""

from __future__ import annotations

from typing import Any

from podo.api.rules import (
    Found,
    check_not_negative,
    check_one_of,
    check_text,
    forbidden,
    invalid,
    required,
)
from podo.values import names

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SCHEMES = ("HTTP", "HTTPS")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def fill_in(container: dict[str, Any]) -> None:
    """Defaults of a container's probes and lifecycle handlers, in place."""
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            _fill_in_probe(probe)
    lifecycle = container.get("lifecycle")
    if lifecycle:
        for name in ("postStart", "preStop"):
            if handler := lifecycle.get(name):
                _fill_in_handler(handler)


def _fill_in_probe(probe: dict[str, Any]) -> None:
    probe["timeoutSeconds"] = probe.get("timeoutSeconds") or 1
    probe["periodSeconds"] = probe.get("periodSeconds") or 10
    probe["successThreshold"] = probe.get("successThreshold") or 1
    probe["failureThreshold"] = probe.get("failureThreshold") or 3
    if (grpc := probe.get("grpc")) is not None:
        grpc.setdefault("service", "")
    _fill_in_handler(probe)


def _fill_in_handler(handler: dict[str, Any]) -> None:
    if (http := handler.get("httpGet")) is not None:
        http["path"] = http.get("path") or "/"
        http["scheme"] = http.get("scheme") or "HTTP"


def check_probes(container: dict[str, Any], path: str, found: Found) -> None:
    """All probes of one container that may have them."""
    grace = None
    for name in _PROBES:
        if (probe := container.get(name)) is None:
            continue
        _check_probe(probe, f"{path}.{name}", found)
        grace = probe.get("terminationGracePeriodSeconds")
        if name == "readinessProbe":
            if grace is not None:
                where = f"{path}.{name}.terminationGracePeriodSeconds"
                found.append(invalid(where, grace, "must not be set for readinessProbes"))
        else:
            if probe.get("successThreshold", 1) != 1:
                found.append(invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1"))
            if grace is not None and grace <= 0:
                where = f"{path}.{name}.terminationGracePeriodSeconds"
                found.append(invalid(where, grace, "must be greater than 0"))


def check_lifecycle(lifecycle: dict[str, Any], path: str, found: Found) -> None:
    """postStart and preStop: exactly one way each."""
    for name in ("postStart", "preStop"):
        if (handler := lifecycle.get(name)) is not None:
            _check_handler(handler, f"{path}.{name}", ("exec", "httpGet", "tcpSocket", "sleep"), found)


def _check_probe(probe: dict[str, Any], path: str, found: Found) -> None:
    _check_handler(probe, path, ("exec", "httpGet", "tcpSocket", "grpc"), found)
    for name in _NUMBERS:
        if (number := probe.get(name)) and number < 0:
            check_not_negative(f"{path}.{name}", number, found)


def _check_handler(handler: dict[str, Any], path: str, ways: tuple[str, ...], found: Found) -> None:
    taken = [way for way in ways if handler.get(way) is not None]
    if not taken:
        found.append(required(path, "must specify a handler type"))
    for extra in taken[1:]:
        found.append(forbidden(f"{path}.{extra}", "may not specify more than 1 handler type"))
    if taken:
        _CHECKS[taken[0]](handler[taken[0]], f"{path}.{taken[0]}", found)


def _check_exec(action: dict[str, Any], path: str, found: Found) -> None:
    if not action.get("command"):
        found.append(required(f"{path}.command"))


def _check_http(action: dict[str, Any], path: str, found: Found) -> None:
    if not action.get("path"):
        found.append(required(f"{path}.path"))
    _check_port(action.get("port", 0), f"{path}.port", found)
    check_one_of(f"{path}.scheme", action.get("scheme"), _SCHEMES, found)
    for header in action.get("httpHeaders") or ():
        check_text(f"{path}.httpHeaders", header.get("name", ""), names.http_header, found)


def _check_tcp(action: dict[str, Any], path: str, found: Found) -> None:
    _check_port(action.get("port", 0), f"{path}.port", found)


def _check_grpc(action: dict[str, Any], path: str, found: Found) -> None:
    _check_port(action.get("port", 0), f"{path}.port", found)


def _check_sleep(action: dict[str, Any], path: str, found: Found) -> None:
    seconds = action.get("seconds", 0)
    if seconds < 0:
        found.append(invalid(path, seconds, "must be greater than or equal to 0"))


def _check_port(port: Any, path: str, found: Found) -> None:
    messages = names.port_number if isinstance(port, int) else names.port_name
    check_text(path, port, messages, found)


_CHECKS = {
    "exec": _check_exec,
    "httpGet": _check_http,
    "tcpSocket": _check_tcp,
    "grpc": _check_grpc,
    "sleep": _check_sleep,
}
