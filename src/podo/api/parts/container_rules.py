"""What a pod's containers must be like, each by itself and beside the others (API reference: Container)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from podo.api.parts.addresses import PROTOCOLS
from podo.api.parts.container import is_sidecar
from podo.api.parts.environment import check_env
from podo.api.parts.mount_rules import Volumes, check_devices, check_mounts
from podo.api.parts.podclaim_rules import check_container_claims
from podo.api.parts.podnetwork_rules import check_distinct_host_ports
from podo.api.parts.probe import check_lifecycle, check_probes
from podo.api.parts.resize_rules import check_resize_policy
from podo.api.parts.resource_rules import check_resources
from podo.api.parts.restart_rules import check_restart
from podo.api.parts.securitycontext import check_security
from podo.api.rules import (
    Found,
    check_one_of,
    check_text,
    check_unique,
    duplicate,
    forbidden,
    invalid,
    required,
)
from podo.values import names

_PULL = ("Always", "IfNotPresent", "Never")
_MESSAGES = ("File", "FallbackToLogsOnError")
_LASTING = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's rules must know of its pod."""

    volumes: Volumes  # those that are sound, by name
    claims: frozenset[str]
    restart_policy: str
    grace: int | None
    os: str  # "" where the pod names none
    own_users: bool

    @staticmethod
    def of(spec: dict[str, Any], volumes: Volumes, claims: frozenset[str]) -> Surroundings:
        return Surroundings(
            volumes,
            claims,
            spec.get("restartPolicy") or "",
            spec.get("terminationGracePeriodSeconds"),
            (spec.get("os") or {}).get("name") or "",
            spec.get("hostUsers") is False,
        )


def check_containers(containers: Sequence[dict[str, Any]], pod: Surroundings, path: str, found: Found) -> None:
    """``spec.containers``: at least one."""
    if not containers:
        found.append(required(path))
    seen: set[str] = set()
    for index, container in enumerate(containers):
        where, name = f"{path}[{index}]", container.get("name") or ""
        check_container(container, pod, where, found)
        check_unique(f"{where}.name", name, seen, found)
        _check_lasting(container, pod, where, found)
        check_restart(container, where, found)
    check_distinct_host_ports([(f"{path}[{index}]", each) for index, each in enumerate(containers)], found)


def check_init_containers(
    containers: Sequence[dict[str, Any]], taken: set[Any], pod: Surroundings, path: str, found: Found
) -> None:
    """``spec.initContainers``. ``taken``: names of the pod's containers, to which those of these are added."""
    for index, container in enumerate(containers):
        where, name = f"{path}[{index}]", container.get("name") or ""
        check_container(container, pod, where, found)
        check_restart(container, where, found)
        if name in taken:
            found.append(duplicate(f"{where}.name", name))
        elif name:
            taken.add(name)
        check_distinct_host_ports([(where, container)], found)
        if is_sidecar(container):
            _check_lasting(container, pod, where, found)
        else:
            _check_ending(container, where, found)


def _check_lasting(container: dict[str, Any], pod: Surroundings, path: str, found: Found) -> None:
    """Probes and hooks, of a container that keeps running."""
    if lifecycle := container.get("lifecycle"):
        check_lifecycle(lifecycle, pod.grace, pod.os, f"{path}.lifecycle", found)
    check_probes(container, pod.grace, path, found)


def _check_ending(container: dict[str, Any], path: str, found: Found) -> None:
    """Of an init container that ends."""
    for field in _LASTING:
        if container.get(field) is not None:
            why = "may not be set for init containers without restartPolicy=Always"
            found.append(forbidden(f"{path}.{field}", why))
    for index, policy in enumerate(container.get("resizePolicy") or ()):
        if (value := policy.get("restartPolicy")) == "RestartContainer":
            why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            found.append(invalid(f"{path}.resizePolicy[{index}].restartPolicy", value, why))


def check_container(container: dict[str, Any], pod: Surroundings, path: str, found: Found) -> None:
    """What holds of a container of any kind."""
    if name := container.get("name"):
        check_text(f"{path}.name", name, names.label, found)
    else:
        found.append(required(f"{path}.name"))
    if not container.get("image"):
        found.append(required(f"{path}.image"))
    check_one_of(f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGES, found)
    if ports := container.get("ports"):
        _check_ports(ports, f"{path}.ports", found)
    check_env(container, path, found)
    check_mounts(container, pod.volumes, path, found)
    check_devices(container, pod.volumes, path, found)
    check_one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL, found)
    if resources := container.get("resources"):
        check_resources(resources, f"{path}.resources", found)
        check_container_claims(resources.get("claims") or [], pod.claims, f"{path}.resources.claims", found)
    if policies := container.get("resizePolicy"):
        check_resize_policy(policies, pod.restart_policy, f"{path}.resizePolicy", found)
    if security := container.get("securityContext"):
        check_security(security, pod.own_users, f"{path}.securityContext", found)


def _check_ports(ports: list[dict[str, Any]], path: str, found: Found) -> None:
    seen: set[Any] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        if name := port.get("name"):
            before = len(found)
            check_text(f"{where}.name", name, names.port_name, found)
            if len(found) == before and name in seen:
                found.append(duplicate(f"{where}.name", name))
            seen.add(name)
        if number := port.get("containerPort"):
            check_text(f"{where}.containerPort", number, names.port_number, found)
        else:
            found.append(required(f"{where}.containerPort"))
        if host := port.get("hostPort"):
            check_text(f"{where}.hostPort", host, names.port_number, found)
        check_one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS, found)
