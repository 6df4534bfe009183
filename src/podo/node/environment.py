"""A container's environment: Services, envFrom, env with its references, and ``$(VAR)`` in values, commands and
arguments.

Source: the documentation's "Define Environment Variables for a Container" and "Expose Pod Information ... Through
Environment
Variables"; service variables as "Service: Environment variables" describes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import annotations_of, labels_of, name_of, namespace_of, uid_of
from podo.client.contract import Unreachable
from podo.node import podspec
from podo.runtime.tasks import within
from podo.values import quantity

#: For so long a static pod, which is to run without the API, waits for it to tell of Services.
PATIENCE_SECONDS = 3.0
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
_FIELD_KEY = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class ConfigProblem(Exception):
    """The container's configuration cannot be worked out: CreateContainerConfigError."""


class Lookup(Protocol):
    async def config_map(self, namespace: str, name: str) -> Obj | None: ...
    async def secret(self, namespace: str, name: str) -> Obj | None: ...
    async def services(self, namespace: str) -> list[Obj]: ...
    async def token(self, pod: Obj, audience: str, seconds: int) -> str: ...


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of ``$(NAME)``; ``$$`` is a dollar, and a name that is not known stays as it is."""

    def put(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(put, text) if "$" in text else text


def text_of(data: Obj, key: str, kind: str) -> str | None:
    """A key of a ConfigMap's data or a Secret's (decoded)."""
    value = (data.get("data") or {}).get(key)
    if value is None:
        return None
    return base64.b64decode(value).decode("utf-8", "surrogateescape") if kind == "Secret" else str(value)


async def environment_of(
    pod: Obj,
    container: Obj,
    lookup: Lookup,
    ips: Sequence[str],
    host_ip: str,
    capacity: Mapping[str, int],
    *,
    links: bool = True,
) -> list[tuple[str, str]]:
    """The variables in the order they were defined. ``capacity``: cpu (thousandths), memory, ephemeral-storage of the
    node. ``links``: with those of Services, where the pod does not say otherwise.
    """
    values: dict[str, str] = {}
    services: dict[str, str] = {}
    if links and pod["spec"].get("enableServiceLinks", True):
        services = service_variables(await _linked_services(pod, lookup))
    for source in container.get("envFrom") or ():
        values |= await _all_of(source, namespace_of(pod), lookup)
    known = services | values
    for entry in container.get("env") or ():
        value = await _value(entry, pod, container, lookup, known, ips, host_ip, capacity)
        if value is not None:
            values[entry["name"]] = known[entry["name"]] = value
    return list((services | values).items())


async def _linked_services(pod: Obj, lookup: Lookup) -> list[Obj]:
    """The Services of the pod's namespace, and the API's own."""
    if not podspec.is_static(pod):
        return await _services_for(namespace_of(pod), lookup)
    try:
        return await within(PATIENCE_SECONDS, _services_for(namespace_of(pod), lookup))
    except (ApiError, Unreachable, TimeoutError):
        return []


async def _services_for(namespace: str, lookup: Lookup) -> list[Obj]:
    services = {name_of(service): service for service in await lookup.services(namespace)}
    if namespace != "default":
        for service in await lookup.services("default"):
            if name_of(service) == "kubernetes":
                services.setdefault("kubernetes", service)
    return list(services.values())


def service_variables(services: Sequence[Obj]) -> dict[str, str]:
    """``WEB_SERVICE_HOST`` and its family, for Services that have a cluster IP."""
    values: dict[str, str] = {}
    for service in services:
        ip = service["spec"].get("clusterIP")
        ports = service["spec"].get("ports") or ()
        if not ip or ip == "None" or not ports:
            continue
        prefix = _variable(name_of(service))
        values[f"{prefix}_SERVICE_HOST"] = ip
        values[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                values[f"{prefix}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
        values |= _link_variables(prefix, _bracketed(ip), ports)
    return values


def _link_variables(prefix: str, ip: str, ports: Sequence[Obj]) -> dict[str, str]:
    values: dict[str, str] = {}
    for index, port in enumerate(ports):
        protocol = str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{ip}:{port['port']}"
        if index == 0:
            values[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        values |= {one: url, f"{one}_PROTO": protocol.lower(), f"{one}_PORT": str(port["port"]), f"{one}_ADDR": ip}
    return values


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()


async def _all_of(source: Obj, namespace: str, lookup: Lookup) -> dict[str, str]:
    """One entry of envFrom."""
    reference = source.get("configMapRef") or source.get("secretRef") or {}
    kind = "ConfigMap" if "configMapRef" in source else "Secret"
    data = await _find(kind, namespace, reference, lookup)
    prefix = source.get("prefix") or ""
    if data is None:
        return {}
    return {prefix + key: text_of(data, key, kind) or "" for key in data.get("data") or {}}


async def _find(kind: str, namespace: str, reference: Obj, lookup: Lookup) -> Obj | None:
    name = reference.get("name", "")
    data = await (lookup.config_map if kind == "ConfigMap" else lookup.secret)(namespace, name)
    if data is None and not reference.get("optional"):
        raise ConfigProblem(f'{kind.lower()} "{name}" not found')
    return data


async def _value(
    entry: Obj,
    pod: Obj,
    container: Obj,
    lookup: Lookup,
    known: Mapping[str, str],
    ips: Sequence[str],
    host_ip: str,
    capacity: Mapping[str, int],
) -> str | None:
    """The value of one entry of env; None where an optional reference leads nowhere. (Many arguments: all a value may
    come from.)
    """
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", known)
    if reference := source.get("fieldRef"):
        return field_value(reference.get("fieldPath", ""), pod, ips, host_ip)
    if reference := source.get("resourceFieldRef"):
        return resource_value(reference, pod, container, capacity)
    kind = "ConfigMap" if "configMapKeyRef" in source else "Secret"
    reference = source.get("configMapKeyRef") or source.get("secretKeyRef")
    if not reference:
        raise ConfigProblem(f"env {entry['name']}: this kind of valueFrom is not supported: {', '.join(source)}")
    data = await _find(kind, namespace_of(pod), reference, lookup)
    value = text_of(data, reference["key"], kind) if data else None
    if value is None and data is not None and not reference.get("optional"):
        where = f"{namespace_of(pod)}/{reference.get('name')}"
        raise ConfigProblem(f"couldn't find key {reference['key']} in {kind} {where}")
    return value


def field_value(path: str, pod: Obj, ips: Sequence[str] = (), host_ip: str = "") -> str:
    """What the downward API gives for a field path. Raises ConfigProblem."""
    metadata = pod["metadata"]
    if match := _FIELD_KEY.fullmatch(path):
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    values = {
        "metadata.name": lambda: name_of(pod),
        "metadata.namespace": lambda: namespace_of(pod),
        "metadata.uid": lambda: uid_of(pod),
        "metadata.labels": lambda: _as_lines(labels_of(pod)),
        "metadata.annotations": lambda: _as_lines(annotations_of(pod)),
        "spec.nodeName": lambda: str(pod["spec"].get("nodeName", "")),
        "spec.serviceAccountName": lambda: str(pod["spec"].get("serviceAccountName", "")),
        "status.hostIP": lambda: host_ip,
        "status.hostIPs": lambda: host_ip,
        "status.podIP": lambda: ips[0] if ips else "",
        "status.podIPs": lambda: ",".join(ips),
    }
    if path not in values:
        raise ConfigProblem(f"unsupported fieldPath: {path}")
    return values[path]()


def _as_lines(values: Mapping[str, str]) -> str:
    """Labels as the downward API writes them: ``key="value"``, sorted, a line each."""
    escaped = {
        key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, value in values.items()
    }
    return "\n".join(f'{key}="{escaped[key]}"' for key in sorted(escaped))


def resource_value(reference: Obj, pod: Obj, container: Obj, capacity: Mapping[str, int]) -> str:
    """``limits.cpu`` and its like, divided by the divisor and rounded up. Limits not set are what the node has."""
    name = reference.get("containerName")
    owner = podspec.container_named(pod, name) if name else container
    if owner is None:
        raise ConfigProblem(f"container {name} not found")
    group, _, resource = reference.get("resource", "").partition(".")
    if group not in ("limits", "requests") or not resource:
        raise ConfigProblem(f"unsupported container resource : {reference.get('resource')}")
    amount = _amount(owner, group, resource, capacity)
    divisor = quantity.parse(str(reference.get("divisor") or "1"))
    if not divisor:
        divisor = quantity.Quantity(quantity.NANO)
    return str(-(-amount.nano // divisor.nano))


def _amount(container: Obj, group: str, resource: str, capacity: Mapping[str, int]) -> quantity.Quantity:
    resources = container.get("resources") or {}
    text = (resources.get(group) or {}).get(resource)
    if text is not None:
        return quantity.parse(str(text))
    if group == "requests":
        return quantity.Quantity(0)
    unit = quantity.NANO // 1000 if resource == "cpu" else quantity.NANO
    return quantity.Quantity(capacity.get(resource, 0) * unit)
