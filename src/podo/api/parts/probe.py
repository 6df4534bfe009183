"""Probes and lifecycle handlers of a container: defaults and rules (API reference: Probe, LifecycleHandler)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.signals import check_stop_signal
from podo.api.rules import Found, check_not_negative, check_text, forbidden, invalid, not_supported, required
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


def check_probes(container: dict[str, Any], grace: int | None, path: str, found: Found) -> None:
    """All probes of one container that may have them. ``grace``: the pod's, in seconds."""
    for name in _PROBES:
        if (probe := container.get(name)) is None:
            continue
        where = f"{path}.{name}"
        _check_probe(probe, grace, where, found)
        if name == "readinessProbe":
            if (own := probe.get("terminationGracePeriodSeconds")) is not None:
                why = "must not be set for readinessProbes"
                found.append(invalid(f"{where}.terminationGracePeriodSeconds", own, why))
        elif probe.get("successThreshold", 1) != 1:
            found.append(invalid(f"{where}.successThreshold", probe["successThreshold"], "must be 1"))


def check_lifecycle(lifecycle: dict[str, Any], grace: int | None, os: str, path: str, found: Found) -> None:
    """postStart and preStop: exactly one way each; and the signal that stops the container on that ``os``."""
    for name in ("postStart", "preStop"):
        if (handler := lifecycle.get(name)) is not None:
            _check_handler(handler, ("exec", "httpGet", "tcpSocket", "sleep"), grace, f"{path}.{name}", found)
    if (signal := lifecycle.get("stopSignal")) is not None:
        check_stop_signal(signal, os, f"{path}.stopSignal", found)


def _check_probe(probe: dict[str, Any], grace: int | None, path: str, found: Found) -> None:
    _check_handler(probe, ("exec", "httpGet", "tcpSocket", "grpc"), grace, path, found)
    for name in _NUMBERS:
        if (number := probe.get(name)) and number < 0:
            check_not_negative(f"{path}.{name}", number, found)
    own = probe.get("terminationGracePeriodSeconds")
    if own is not None and own <= 0:
        found.append(invalid(f"{path}.terminationGracePeriodSeconds", own, "must be greater than 0"))


def _check_handler(handler: dict[str, Any], ways: tuple[str, ...], grace: int | None, path: str, found: Found) -> None:
    taken = [way for way in ways if handler.get(way) is not None]
    if not taken:
        found.append(required(path, "must specify a handler type"))
    elif taken[0] == "sleep":
        _check_sleep(handler["sleep"], grace, f"{path}.sleep", found)
    else:
        _CHECKS[taken[0]](handler[taken[0]], f"{path}.{taken[0]}", found)
    for extra in taken[1:]:
        found.append(forbidden(f"{path}.{extra}", "may not specify more than 1 handler type"))


def _check_exec(action: dict[str, Any], path: str, found: Found) -> None:
    if not action.get("command"):
        found.append(required(f"{path}.command"))


def _check_http(action: dict[str, Any], path: str, found: Found) -> None:
    if not action.get("path"):
        found.append(required(f"{path}.path"))
    _check_port(action.get("port", 0), f"{path}.port", found)
    if (scheme := action.get("scheme") or "") not in _SCHEMES:
        found.append(not_supported(f"{path}.scheme", scheme, _SCHEMES))
    for header in action.get("httpHeaders") or ():
        check_text(f"{path}.httpHeaders", header.get("name", ""), names.http_header, found)


def _check_connection(action: dict[str, Any], path: str, found: Found) -> None:
    _check_port(action.get("port", 0), f"{path}.port", found)


def _check_sleep(action: dict[str, Any], grace: int | None, path: str, found: Found) -> None:
    seconds = action.get("seconds", 0)
    if grace is not None and not 0 <= seconds <= grace:
        why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        found.append(invalid(path, seconds, why))


def _check_port(port: Any, path: str, found: Found) -> None:
    messages = names.port_number if isinstance(port, int) else names.port_name
    check_text(path, port, messages, found)


_CHECKS = {
    "exec": _check_exec,
    "httpGet": _check_http,
    "tcpSocket": _check_connection,
    "grpc": _check_connection,
}
