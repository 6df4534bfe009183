"""What a container's environment must be like: ``env`` and ``envFrom`` (API reference: EnvVar, EnvFromSource)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.rules import Found, check_one_of, check_text, invalid, not_supported, required
from podo.values import names

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_subscript = re.compile(r"metadata\.(annotations|labels)\['([^']*)'\]").fullmatch


def check_env(container: dict[str, Any], path: str, found: Found) -> None:
    """``env`` and ``envFrom`` of one container."""
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name")
        if not name:
            found.append(required(f"{path}.env[{index}].name"))
        else:
            check_text(f"{path}.env[{index}].name", name, names.env_name, found)
        if (source := variable.get("valueFrom")) is not None:
            _check_source(source, bool(variable.get("value")), f"{path}.env[{index}].valueFrom", found)
    for index, source in enumerate(container.get("envFrom") or ()):
        _check_env_from(source, f"{path}.envFrom[{index}]", found)


def _check_source(source: dict[str, Any], has_value: bool, path: str, found: Found) -> None:
    given = [field for field in _SOURCES if source.get(field) is not None]
    if not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        found.append(invalid(path, "", why))
    elif has_value:
        found.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        found.append(invalid(path, "", "may not have more than one field specified at a time"))
    for field in given:
        where = f"{path}.{field}"
        if field == "fieldRef":
            check_field_ref(source[field], _ENV_FIELDS, where, found)
        elif field == "resourceFieldRef":
            check_resource_ref(source[field], where, found)
        elif field != "fileKeyRef":
            _check_key_ref(source[field], where, found)


def check_volume_field_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    """A field of the pod as a file of a downwardAPI volume."""
    check_field_ref(reference, _VOLUME_FIELDS, path, found)


def check_field_ref(reference: dict[str, Any], allowed: tuple[str, ...], path: str, found: Found) -> None:
    """A field of the pod, by one of the ``allowed`` paths or a key of its labels or annotations."""
    if not reference.get("apiVersion"):
        found.append(required(f"{path}.apiVersion"))
    field = reference.get("fieldPath")
    if not field:
        found.append(required(f"{path}.fieldPath"))
    elif field in allowed:
        return
    elif keyed := _subscript(field):
        key = keyed[2].lower() if keyed[1] == "annotations" else keyed[2]
        check_text(path, key, names.qualified_name, found)
    else:
        found.append(not_supported(f"{path}.fieldPath", field, allowed))


def check_resource_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    """A request or limit of a container."""
    resource = reference.get("resource") or ""
    if not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        check_one_of(f"{path}.resource", resource, _RESOURCES, found)


def _check_key_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    check_text(f"{path}.name", reference.get("name") or "", names.subdomain, found)
    if key := reference.get("key"):
        check_text(f"{path}.key", key, names.config_key, found)
    else:
        found.append(required(f"{path}.key"))


def _check_env_from(source: dict[str, Any], path: str, found: Found) -> None:
    if prefix := source.get("prefix"):
        check_text(f"{path}.prefix", prefix, names.env_name, found)
    given = [field for field in ("configMapRef", "secretRef") if source.get(field) is not None]
    if not given:
        found.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        found.append(invalid(path, "", "may not have more than one field specified at a time"))
    for field in given:
        if name := source[field].get("name"):
            check_text(f"{path}.{field}.name", name, names.subdomain, found)
        else:
            found.append(required(f"{path}.{field}.name"))
