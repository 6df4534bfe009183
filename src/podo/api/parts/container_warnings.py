"""What a client is told of a pod's containers: names that hide each other, ports that are one and the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.api.parts import fractions

Container = dict[str, Any]
#: Where the annotations of a pod stand, not of a template.
OF_POD = "metadata.annotations"
#: A container and its path.
At = tuple[str, Container]

SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def warnings(each: list[At]) -> list[str]:
    """Without those of annotations."""
    found: list[str] = []
    ports: list[tuple[str, dict[str, Any]]] = []
    for path, container in each:
        if resources := container.get("resources"):
            found += fractions.warnings(resources, fractions.BYTES, f"{path}.resources")
        env = container.get("env")
        if env and len(env) > 1 and len({one.get("name") for one in env}) != len(env):
            found += _hidden(env, f"{path}.env")
        ports += [(f"{path}.ports[{index}]", port) for index, port in enumerate(container.get("ports") or ())]
    return found + _ports(ports) if ports else found


def of_annotations(annotations: Mapping[str, str], each: list[At], path: str, pod: Container) -> list[str]:
    """Profiles that are named by annotations and no field. ``pod``: the pod's security context."""
    found, is_template = [], path != OF_POD  # of a pod's AppArmor profiles is told as they become fields
    for _, container in each:
        name, context = container.get("name"), container.get("securityContext") or {}
        if f"{SECCOMP}{name}" in annotations and not context.get("seccompProfile"):
            what = 'non-functional in v1.27+; use the "seccompProfile" field instead'
            found.append(f"{path}[{SECCOMP}{name}]: {what}")
        profile = context.get("appArmorProfile") or pod.get("appArmorProfile")
        if is_template and not profile and f"{APPARMOR}{name}" in annotations:
            what = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            found.append(f"{path}[{APPARMOR}{name}]: {what}")
    return found


def _hidden(env: list[dict[str, Any]], path: str) -> list[str]:
    """Variables that do not only add to the one of the same name before."""
    found = []
    names = set()
    for index, one in enumerate(env):
        name, value = one.get("name"), one.get("value") or ""
        before = f"$({name})"
        if name in names and (one.get("valueFrom") or value == before or before not in value):
            what = f'hides previous definition of "{name}", which may be dropped when using apply'
            found.append(f"{path}[{index}]: {what}")
        names.add(name)
    return found


def _ports(ports: list[tuple[str, dict[str, Any]]]) -> list[str]:
    found: list[str] = []
    same: dict[tuple[Any, Any], list[tuple[str, dict[str, Any]]]] = {}
    named: dict[str, str] = {}
    of_names: list[str] = []
    for path, port in ports:
        if port.get("hostIP") and not port.get("hostPort"):
            found.append(f"{path}: hostIP set without hostPort: {_written(port)}")
        others = same.setdefault((port.get("containerPort"), port.get("protocol")), [])
        found += [
            f"{path}: {what} port definition with {where}" for where, one in others if (what := _clash(port, one))
        ]
        others.append((path, port))
        name = port.get("name")
        if name and named.setdefault(name, path) != path:
            first = named[name]
            what = f'duplicate port name "{name}" with {first}'
            of_names.append(f"{path}: {what}, services and probes that select ports by name will use {first}")
    return found + of_names


def _clash(one: dict[str, Any], other: dict[str, Any]) -> str:
    ips = one.get("hostIP") or "", other.get("hostIP") or ""
    host_ports = one.get("hostPort") or 0, other.get("hostPort") or 0
    if ips[0] == ips[1] and host_ports[0] == host_ports[1]:
        return "duplicate"
    if not all(host_ports):
        return "overlapping"
    if host_ports[0] == host_ports[1] and "" in ips:
        return "dangerously ambiguous"
    return ""


def _written(port: dict[str, Any]) -> str:
    """As upstream prints the struct."""
    name, host_port, ip = port.get("name") or "", port.get("hostPort") or 0, port["hostIP"]
    number, protocol = port.get("containerPort") or 0, port.get("protocol") or ""
    return f"{{Name:{name} HostPort:{host_port} ContainerPort:{number} Protocol:{protocol} HostIP:{ip}}}"
