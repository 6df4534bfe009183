"""Rules that DeviceClasses, ResourceClaims and ResourceSlices share: selectors, configuration, requests for devices."""

from __future__ import annotations

from typing import Any

from podo.api.kinds.resource.expressions import LENGTH_MAX, checked, too_costly
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import (
    Found,
    check_one_of,
    check_text,
    check_unique,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from podo.cel.program import CompileError
from podo.values import names

GROUP = "resource.k8s.io"
SELECTORS_MAX, CONFIG_MAX, REQUESTS_MAX, CONSTRAINTS_MAX, CHOICES_MAX = 32, 32, 32, 32, 8
_EFFECTS = ("None", "NoSchedule", "NoExecute")
_MODES = ("All", "ExactCount")
_IDENTIFIER_MAX = 32
_NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_ONE_REQUEST = "exactly one of `exactly` or `firstAvailable` is required"


def fill_in_claim(spec: dict[str, Any]) -> None:
    """Defaults of a ResourceClaimSpec, in place: one device a request, unless it says otherwise."""
    for request in (spec.get("devices") or {}).get("requests") or ():
        for asked in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if asked is not None:
                _fill_in_request(asked)


def _fill_in_request(asked: dict[str, Any]) -> None:
    asked["allocationMode"] = asked.get("allocationMode") or "ExactCount"
    if asked["allocationMode"] == "ExactCount" and not asked.get("count"):
        asked["count"] = 1
    for toleration in asked.get("tolerations") or ():
        toleration["operator"] = toleration.get("operator") or "Equal"


def check_selectors(selectors: list[dict[str, Any]], path: str, found: Found) -> None:
    if len(selectors) > SELECTORS_MAX:
        found.append(too_many(path, len(selectors), SELECTORS_MAX))
        return
    for index, selector in enumerate(selectors):
        cel = selector.get("cel")
        where = f"{path}[{index}].cel"
        if cel is None:
            found.append(required(where))
        elif not cel.get("expression"):
            found.append(required(f"{where}.expression"))
        else:
            _check_expression(cel["expression"], f"{where}.expression", found)


def _check_expression(expression: str, path: str, found: Found) -> None:
    if len(expression.encode()) > LENGTH_MAX:
        found.append(too_long(path, LENGTH_MAX))
        return
    try:
        program = checked(expression)
    except CompileError as problem:
        found.append(invalid(path, expression, str(problem)))
        return
    if too_costly(program):
        found.append(forbidden(path, "too complex, exceeds cost limit"))


def check_config(entries: list[dict[str, Any]], path: str, found: Found) -> None:
    """Configuration that is passed on to a driver unread."""
    if len(entries) > CONFIG_MAX:
        found.append(too_many(path, len(entries), CONFIG_MAX))
        return
    for index, entry in enumerate(entries):
        where, opaque = f"{path}[{index}].opaque", entry.get("opaque")
        if opaque is None:
            found.append(required(where))
            continue
        check_driver_name(f"{where}.driver", opaque.get("driver") or "", found)
        if (parameters := opaque.get("parameters")) is None:
            found.append(required(f"{where}.parameters"))
        elif not isinstance(parameters, dict):
            found.append(invalid(f"{where}.parameters", "<value omitted>", "must be a valid JSON object"))


def check_name(path: str, name: str, found: Found) -> None:
    """The name of an attribute or a capacity: an identifier, with a domain before it if not the driver's own."""
    domain, slash, identifier = name.rpartition("/")
    if slash and not domain:
        found.append(invalid(path, "", "the domain must not be empty"))
    elif slash:
        check_driver_name(path, domain, found)
    if slash and not identifier:
        found.append(invalid(path, "", "the name must not be empty"))
        return
    if len(identifier) > _IDENTIFIER_MAX:
        found.append(too_long(path, _IDENTIFIER_MAX))
    check_text(path, identifier, names.c_identifier, found)


def check_full_name(path: str, name: str, found: Found) -> None:
    check_name(path, name, found)
    if "/" not in name:
        found.append(invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash"))


def check_pool_name(path: str, name: str, found: Found) -> None:
    """Subdomains, joined by slashes."""
    for part in name.split("/"):
        check_text(path, part, names.subdomain, found)


def check_taint(taint: dict[str, Any], path: str, found: Found) -> None:
    if key := taint.get("key"):
        check_text(f"{path}.key", key, names.qualified_name, found)
    else:
        found.append(required(f"{path}.key"))
    if value := taint.get("value"):
        check_text(f"{path}.value", value, names.label_value, found)
    if not taint.get("effect"):
        found.append(required(f"{path}.effect"))
    elif taint["effect"] not in _EFFECTS:
        found.append(not_supported(f"{path}.effect", taint["effect"], _EFFECTS))


def check_claim(devices: dict[str, Any], path: str, found: Found) -> None:
    """The requests, constraints and configuration of a claim."""
    requests = devices.get("requests") or []
    if len(requests) > REQUESTS_MAX:
        found.append(too_many(f"{path}.requests", len(requests), REQUESTS_MAX))
        return
    known: set[str] = set()
    for index, request in enumerate(requests):
        _check_request(request, f"{path}.requests[{index}]", known, found)
    constraints = devices.get("constraints") or []
    if len(constraints) > CONSTRAINTS_MAX:
        found.append(too_many(f"{path}.constraints", len(constraints), CONSTRAINTS_MAX))
        return
    for index, constraint in enumerate(constraints):
        where = f"{path}.constraints[{index}]"
        _check_known(constraint.get("requests") or [], f"{where}.requests", known, found)
        for field in ("matchAttribute", "distinctAttribute"):
            if constraint.get(field) is not None:
                check_full_name(f"{where}.{field}", constraint[field], found)
                break
        else:
            why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
            found.append(required(where, why))
    check_config(devices.get("config") or [], f"{path}.config", found)
    for index, entry in enumerate((devices.get("config") or [])[:CONFIG_MAX]):
        _check_known(entry.get("requests") or [], f"{path}.config[{index}].requests", known, found)


def _check_known(wanted: list[str], path: str, known: set[str], found: Found) -> None:
    for index, name in enumerate(wanted):
        if name.count("/") < 2:
            for part in name.split("/"):
                found.extend(invalid(f"{path}[{index}]", part, message) for message in names.label(part))
        if name not in known:
            found.append(invalid(f"{path}[{index}]", name, _NO_REQUEST))
    found.extend(duplicate(f"{path}[{at}]", name) for at, name in enumerate(wanted) if name in wanted[:at])


def _check_request(request: dict[str, Any], path: str, known: set[str], found: Found) -> None:
    name = request.get("name") or ""
    check_text(f"{path}.name", name, names.label, found)
    check_unique(f"{path}.name", name, known, found)
    exactly, choices = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not choices:
        found.append(required(path, _ONE_REQUEST))
    elif exactly is not None and choices:
        found.append(invalid(path, None, f"{_ONE_REQUEST}, but multiple fields are set"))
        return
    if exactly is not None:
        _check_asked(exactly, f"{path}.exactly", found)
    if len(choices) > CHOICES_MAX:
        found.append(too_many(f"{path}.firstAvailable", len(choices), CHOICES_MAX))
        return
    for index, asked in enumerate(choices):
        where = f"{path}.firstAvailable[{index}]"
        own = f"{name}/{asked.get('name') or ''}"
        check_text(f"{where}.name", asked.get("name") or "", names.label, found)
        if own in known:
            found.append(duplicate(f"{where}.name", asked.get("name")))
        known.add(own)
        _check_asked(asked, where, found)


def _check_asked(asked: dict[str, Any], path: str, found: Found) -> None:
    if name := asked.get("deviceClassName"):
        check_text(f"{path}.deviceClassName", name, names.subdomain, found)
    else:
        found.append(required(f"{path}.deviceClassName"))
    check_selectors(asked.get("selectors") or [], f"{path}.selectors", found)
    mode, count = asked.get("allocationMode"), asked.get("count")
    if mode not in _MODES:
        found.append(not_supported(f"{path}.allocationMode", mode or "", _MODES))
    elif mode == "ExactCount" and (count or 0) <= 0:
        found.append(invalid(f"{path}.count", count or 0, "must be greater than zero"))
    elif mode == "All" and count:
        found.append(invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'"))
    for index, toleration in enumerate(asked.get("tolerations") or ()):
        _check_toleration(toleration, f"{path}.tolerations[{index}]", found)


def _check_toleration(toleration: dict[str, Any], path: str, found: Found) -> None:
    check_one_of(f"{path}.operator", toleration.get("operator"), ("Equal", "Exists"), found)
    if toleration.get("operator") == "Exists" and toleration.get("value"):
        found.append(forbidden(f"{path}.value", "must be empty for operator `Exists`"))
    if key := toleration.get("key"):
        check_text(f"{path}.key", key, names.qualified_name, found)
