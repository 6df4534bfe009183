"""What a PodSpec must be like, of a pod or of a template (API reference: PodSpec)."""

from __future__ import annotations

from typing import Any

import orjson

from podo.api.metadata_rules import check_labels
from podo.api.parts.addresses import check_ip
from podo.api.parts.affinity import check_affinity, check_spread, check_tolerations
from podo.api.parts.container_rules import check_container, check_init_container
from podo.api.parts.ephemeral_rules import check_ephemeral_containers
from podo.api.parts.resize_rules import check_resize_policy
from podo.api.parts.resource_rules import check_resources
from podo.api.parts.securitycontext import check_pod_security
from podo.api.parts.volume_rules import check_volumes
from podo.api.rules import Found, check_one_of, check_text, duplicate, forbidden, invalid, required
from podo.values import names

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_INT32_MAX = 2**31 - 1
_NAMES = (
    ("serviceAccountName", names.subdomain),
    ("nodeName", names.subdomain),
    ("hostname", names.label),
    ("subdomain", names.label),
    ("priorityClassName", names.subdomain),
    ("runtimeClassName", names.subdomain),
    ("schedulerName", names.qualified_name),
)


#: Specs that were found sound, as bytes, oldest first: the replicas of one template differ in their names only.
_sound: dict[bytes, None] = {}
_SOUND_MAX = 256
_SOUND_BYTES_MAX = 16 * 1024


def check_pod_spec(spec: dict[str, Any], path: str, found: Found) -> None:
    """All of a PodSpec. ``path`` is where it stands, e.g. ``spec`` or ``spec.template.spec``."""
    key = orjson.dumps(spec)
    if key in _sound:
        return
    before = len(found)
    _check(spec, path, found)
    if len(found) == before and len(key) <= _SOUND_BYTES_MAX:
        if len(_sound) >= _SOUND_MAX:
            del _sound[next(iter(_sound))]
        _sound[key] = None


def _check(spec: dict[str, Any], path: str, found: Found) -> None:
    volumes = check_volumes(spec.get("volumes") or (), f"{path}.volumes", found)
    _check_containers(spec, volumes, path, found)
    check_ephemeral_containers(spec, volumes, path, found)
    check_one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART, found)
    check_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS, found)
    for field, validator in _NAMES:
        if value := spec.get(field):
            check_text(f"{path}.{field}", value, validator, found)
    if selector := spec.get("nodeSelector"):
        check_labels(selector, f"{path}.nodeSelector", found)
    if security := spec.get("securityContext"):
        check_pod_security(security, f"{path}.securityContext", found)
    if tolerations := spec.get("tolerations"):
        check_tolerations(tolerations, f"{path}.tolerations", found)
    if affinity := spec.get("affinity"):
        check_affinity(affinity, f"{path}.affinity", found)
    if constraints := spec.get("topologySpreadConstraints"):
        check_spread(constraints, f"{path}.topologySpreadConstraints", found)
    if resources := spec.get("resources"):
        check_resources(resources, f"{path}.resources", found)
    _check_deadlines(spec, path, found)
    _check_dns(spec, path, found)
    _check_lists(spec, path, found)


def _check_containers(spec: dict[str, Any], volumes: dict[str, Any], path: str, found: Found) -> None:
    containers = spec.get("containers")
    if not containers:
        found.append(required(f"{path}.containers"))
        containers = ()
    seen: set[str] = set()
    host_network = bool(spec.get("hostNetwork"))
    for field, check in (("initContainers", check_init_container), ("containers", check_container)):
        host_ports: set[tuple[Any, ...]] = set()
        for index, container in enumerate((spec.get(field) or ()) if field == "initContainers" else containers):
            where = f"{path}.{field}[{index}]"
            check(container, volumes, where, found)
            name = container.get("name")
            if name in seen:
                found.append(duplicate(f"{where}.name", name))
            seen.add(name)
            if policies := container.get("resizePolicy"):
                check_resize_policy(policies, spec.get("restartPolicy") or "", f"{where}.resizePolicy", found)
            if ports := container.get("ports"):
                _check_host_ports(ports, host_network, host_ports, f"{where}.ports", found)


def _check_host_ports(ports: Any, host_network: bool, taken: set[tuple[Any, ...]], path: str, found: Found) -> None:
    for index, port in enumerate(ports):
        host = port.get("hostPort")
        number = port.get("containerPort")
        if host_network and host != number:
            why = "must match `hostPort` when `hostNetwork` is true"
            found.append(invalid(f"{path}[{index}].containerPort", number, why))
        if not host:
            continue
        identity = (port.get("protocol"), port.get("hostIP") or "", host)
        if identity in taken:
            found.append(duplicate(f"{path}[{index}].hostPort", "/".join(map(str, identity))))
        taken.add(identity)


def _check_deadlines(spec: dict[str, Any], path: str, found: Found) -> None:
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _INT32_MAX:
        why = f"must be between 1 and {_INT32_MAX}, inclusive"
        found.append(invalid(f"{path}.activeDeadlineSeconds", deadline, why))


def _check_dns(spec: dict[str, Any], path: str, found: Found) -> None:
    config = spec.get("dnsConfig") or {}
    servers = config.get("nameservers") or ()
    if spec.get("dnsPolicy") == "None" and not servers:
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        found.append(required(f"{path}.dnsConfig.nameservers", why))
    if len(servers) > 3:
        found.append(invalid(f"{path}.dnsConfig.nameservers", servers, "must not have more than 3 nameservers"))
    for index, server in enumerate(servers):
        check_ip(f"{path}.dnsConfig.nameservers[{index}]", server, found)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        check_ip(f"{path}.hostAliases[{index}].ip", alias.get("ip") or "", found)
        for name in alias.get("hostnames") or ():
            check_text(f"{path}.hostAliases[{index}].hostnames", name, names.subdomain, found)


def _check_lists(spec: dict[str, Any], path: str, found: Found) -> None:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{index}].conditionType"
        check_text(where, gate.get("conditionType") or "", names.qualified_name, found)
    seen = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        check_text(f"{path}.schedulingGates[{index}]", name, names.qualified_name, found)
        if name in seen:
            found.append(duplicate(f"{path}.schedulingGates[{index}]", name))
        seen.add(name)
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        found.append(
            invalid(f"{path}.shareProcessNamespace", True, "ShareProcessNamespace and HostPID cannot both be enabled")
        )
    if spec.get("hostUsers") is False:
        for field, named in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(field):
                found.append(forbidden(f"{path}.{named}", "when `pod.Spec.HostUsers` is false"))
    else:
        _check_proc_mounts(spec, path, found)
    if (os := (spec.get("os") or {}).get("name")) is not None:
        check_one_of(f"{path}.os.name", os, ("linux", "windows"), found)
        if os == "windows" and spec.get("hostPID"):
            found.append(forbidden(f"{path}.hostPID", "cannot be set for a windows pod"))


def _check_proc_mounts(spec: dict[str, Any], path: str, found: Found) -> None:
    """All of /proc is for pods with users of their own."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            if (container.get("securityContext") or {}).get("procMount") == "Unmasked":
                why = "`hostUsers` must be false to use `Unmasked`"
                found.append(invalid(f"{path}.{field}[{index}].securityContext.procMount", "Unmasked", why))
