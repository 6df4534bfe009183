"""What a container must be like (API reference: Container)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.addresses import PROTOCOLS
from podo.api.parts.container import is_sidecar
from podo.api.parts.environment import check_env
from podo.api.parts.probe import check_lifecycle, check_probes
from podo.api.parts.resource_rules import check_resources
from podo.api.parts.securitycontext import check_security
from podo.api.parts.volume_rules import check_relative
from podo.api.rules import (
    Found,
    check_one_of,
    check_text,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from podo.values import names

_PULL = ("Always", "IfNotPresent", "Never")
_MESSAGES = ("File", "FallbackToLogsOnError")
_RESTART = ("Always", "Never", "OnFailure")
_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_LASTING = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


def check_container(container: dict[str, Any], volumes: dict[str, Any], path: str, found: Found) -> None:
    """One container; ``volumes`` are the pod's, by name."""
    _check_identity(container, path, found)
    check_one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL, found)
    check_one_of(f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGES, found)
    if ports := container.get("ports"):
        _check_ports(ports, f"{path}.ports", found)
    check_env(container, path, found)
    if mounts := container.get("volumeMounts"):
        privileged = (container.get("securityContext") or {}).get("privileged") is True
        _check_mounts(mounts, volumes, privileged, f"{path}.volumeMounts", found)
    if resources := container.get("resources"):
        check_resources(resources, f"{path}.resources", found)
    if security := container.get("securityContext"):
        check_security(security, f"{path}.securityContext", found)
    check_probes(container, path, found)
    if lifecycle := container.get("lifecycle"):
        check_lifecycle(lifecycle, f"{path}.lifecycle", found)
    policy = container.get("restartPolicy")
    if policy and policy not in _RESTART:
        found.append(not_supported(f"{path}.restartPolicy", policy, _RESTART))


def check_init_container(container: dict[str, Any], volumes: dict[str, Any], path: str, found: Found) -> None:
    """One init container. Probes and hooks are for those that keep running."""
    check_container(container, volumes, path, found)
    if is_sidecar(container):
        return
    for field in _LASTING:
        if container.get(field) is not None:
            why = "may not be set for init containers without restartPolicy=Always"
            found.append(forbidden(f"{path}.{field}", why))


def _check_identity(container: dict[str, Any], path: str, found: Found) -> None:
    if name := container.get("name"):
        check_text(f"{path}.name", name, names.label, found)
    else:
        found.append(required(f"{path}.name"))
    image = container.get("image") or ""
    if not image:
        found.append(required(f"{path}.image"))
    elif image != image.strip():
        found.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))


def _check_ports(ports: list[dict[str, Any]], path: str, found: Found) -> None:
    seen = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        if name := port.get("name"):
            check_text(f"{where}.name", name, names.port_name, found)
            if name in seen:
                found.append(duplicate(f"{where}.name", name))
            seen.add(name)
        if number := port.get("containerPort"):
            check_text(f"{where}.containerPort", number, names.port_number, found)
        else:
            found.append(required(f"{where}.containerPort"))
        if host := port.get("hostPort"):
            check_text(f"{where}.hostPort", host, names.port_number, found)
        check_one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS, found)


def _check_mounts(
    mounts: list[dict[str, Any]], volumes: dict[str, Any], privileged: bool, path: str, found: Found
) -> None:
    seen = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name, target = mount.get("name"), mount.get("mountPath")
        if not name:
            found.append(required(f"{where}.name"))
        elif name not in volumes:
            found.append(not_found(f"{where}.name", name))
        if not target:
            found.append(required(f"{where}.mountPath"))
        if target in seen:
            found.append(invalid(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
        _check_sub_path(mount, where, found)
        _check_propagation(mount, privileged, where, found)


def _check_sub_path(mount: dict[str, Any], path: str, found: Found) -> None:
    plain, expanded = mount.get("subPath"), mount.get("subPathExpr")
    if plain:
        check_relative(f"{path}.subPath", plain, found)
    if expanded:
        if plain:
            found.append(invalid(f"{path}.subPathExpr", expanded, "subPathExpr and subPath are mutually exclusive"))
        check_relative(f"{path}.subPathExpr", expanded, found)


def _check_propagation(mount: dict[str, Any], privileged: bool, path: str, found: Found) -> None:
    propagation = mount.get("mountPropagation")
    if not propagation:
        return
    if propagation not in _PROPAGATION:
        found.append(not_supported(f"{path}.mountPropagation", propagation, _PROPAGATION))
    elif propagation == "Bidirectional" and not privileged:
        why = "Bidirectional mount propagation is available only to privileged containers"
        found.append(forbidden(f"{path}.mountPropagation", why))
