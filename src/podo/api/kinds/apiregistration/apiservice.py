"""APIService (apiregistration.k8s.io/v1): which server answers for a group version: this one, or one behind a
Service."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_text, invalid, not_supported, required
from podo.values import names

GROUP = "apiregistration.k8s.io"
AVAILABLE = "Available"
_STATUSES = ("True", "False", "Unknown")
_GROUP_PRIORITY_MAX, _VERSION_PRIORITY_MAX = 20_000, 1000


def _fill_in(service: Obj) -> None:
    reference = (service.get("spec") or {}).get("service")
    if reference and reference.get("port") is None:
        reference["port"] = 443


def is_local(service: Obj) -> bool:
    """Does this API server itself answer for the group version?"""
    return not (service.get("spec") or {}).get("service")


def _prepare(new: Obj, old: Obj | None) -> None:
    """What this server answers for is available at once."""
    if old is None and is_local(new):
        new["status"] = {"conditions": [local_condition(new["metadata"].get("creationTimestamp") or "")]}


def local_condition(time: str) -> Obj:
    message = "Local APIServices are always available"
    condition: Obj = {"type": AVAILABLE, "status": "True", "reason": "Local", "message": message}
    return {**condition, "lastTransitionTime": time} if time else condition


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    name = new["metadata"].get("name") or ""
    if name != f"{version}.{group}":
        why = f'must be `spec.version+"."+spec.group`: "{version}.{group}"'
        found.append(invalid("metadata.name", name, why))
    if group:
        check_text("spec.group", group, names.subdomain, found)
    elif version != "v1":
        found.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    check_text("spec.version", version, names.label_1035, found)
    _check_priority(spec, "groupPriorityMinimum", _GROUP_PRIORITY_MAX, found)
    _check_priority(spec, "versionPriority", _VERSION_PRIORITY_MAX, found)
    _check_server(spec, found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        if condition.get("status") not in _STATUSES:
            path = f"status.conditions[{index}].status"
            found.append(not_supported(path, condition.get("status") or "", _STATUSES))
    return found


def _check_priority(spec: dict[str, Any], field: str, most: int, found: Found) -> None:
    value = spec.get(field) or 0
    if not 0 < value <= most:
        found.append(invalid(f"spec.{field}", value, f"must be positive and less than {most}"))


def _check_server(spec: dict[str, Any], found: Found) -> None:
    reference, bundle = spec.get("service"), spec.get("caBundle")
    insecure = bool(spec.get("insecureSkipTLSVerify"))
    if not reference:
        if bundle:
            found.append(invalid("spec.caBundle", f"{len(bundle)} bytes", "local APIServices may not have a caBundle"))
        if insecure:
            why = "local APIServices may not have insecureSkipTLSVerify"
            found.append(invalid("spec.insecureSkipTLSVerify", True, why))
        return
    found.extend(required(f"spec.service.{field}") for field in ("namespace", "name") if not reference.get(field))
    port = reference.get("port")
    if port is not None and names.port_number(port):
        why = "port is not valid: must be between 1 and 65535, inclusive"
        found.append(invalid("spec.service.port", port, why))
    if insecure and bundle:
        found.append(invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))


def _service(service: Obj) -> str:
    reference = (service.get("spec") or {}).get("service")
    return f"{reference.get('namespace')}/{reference.get('name')}" if reference else "Local"


def _available(service: Obj) -> str:
    for condition in (service.get("status") or {}).get("conditions") or ():
        if condition.get("type") == AVAILABLE:
            said = str(condition.get("status"))
            return said if said == "True" else f"{said} ({condition.get('reason')})"
    return "Unknown"


APISERVICE = Kind(
    group=GROUP,
    version="v1",
    kind="APIService",
    plural="apiservices",
    singular="apiservice",
    namespaced=False,
    categories=("api-extensions",),
    fill_in=_fill_in,
    prepare=_prepare,
    problems=_problems,
    status_problems=_status_problems,
    columns=(NAME, column("Service", _service), column("Available", _available), AGE),
    subresources=frozenset({"status"}),
    name_rule="path",
    generation=False,
    conditional=True,
)
