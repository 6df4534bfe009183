"""What a container's environment must be like, ``env`` and ``envFrom``; and references to fields and resources of a
pod, which volumes have as well (API reference: EnvVar, EnvFromSource, ObjectFieldSelector, ResourceFieldSelector)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.parts.paths import check_no_backsteps
from podo.api.parts.podtemplate import containers_at
from podo.api.rules import Found, check_text, invalid, not_found, not_supported, required
from podo.values import names, quantity

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
_HUGE = ("limits.hugepages-", "requests.hugepages-")
_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_subscript = re.compile(r"([^\[\]]+)\['(.*)'\]").fullmatch


def check_env(container: dict[str, Any], path: str, found: Found) -> None:
    """``env`` and ``envFrom`` of one container."""
    for index, variable in enumerate(container.get("env") or ()):
        where, name = f"{path}.env[{index}]", variable.get("name")
        if not name:
            found.append(required(f"{where}.name"))
        else:
            check_text(f"{where}.name", name, names.env_name, found)
        if (source := variable.get("valueFrom")) is not None:
            _check_source(source, bool(variable.get("value")), f"{where}.valueFrom", found)
    for index, source in enumerate(container.get("envFrom") or ()):
        _check_env_from(source, f"{path}.envFrom", index, found)


def _check_source(source: dict[str, Any], has_value: bool, path: str, found: Found) -> None:
    given = [field for field in _SOURCES if source.get(field) is not None]
    for field in given:
        _CHECKS[field](source[field], f"{path}.{field}", found)
    if not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        found.append(invalid(path, "", why))
    elif has_value:
        found.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        found.append(invalid(path, "", _ONE))


def check_volume_field_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    """A field of the pod as a file of a downwardAPI volume."""
    _check_field_ref(reference, _VOLUME_FIELDS, path, found)


def _check_env_field_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    _check_field_ref(reference, _ENV_FIELDS, path, found)


def _check_field_ref(reference: dict[str, Any], allowed: tuple[str, ...], path: str, found: Found) -> None:
    """A field of the pod, by one of the ``allowed`` paths or a key of its labels or annotations."""
    version, field = reference.get("apiVersion"), reference.get("fieldPath")
    if not version or not field:
        found.append(required(f"{path}.{'fieldPath' if version else 'apiVersion'}"))
        return
    whole, key = (keyed[1], keyed[2]) if (keyed := _subscript(field)) else (field, None)
    if why := _not_converted(version, field, whole, key):
        found.append(invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {why}"))
    elif key is not None:
        check_text(path, key.lower() if whole == "metadata.annotations" else key, names.qualified_name, found)
    elif field not in allowed:
        found.append(not_supported(f"{path}.fieldPath", field, allowed))


def _not_converted(version: str, field: str, whole: str, key: str | None) -> str:
    """Why nobody could say the value of this field, of any pod; "" if they can."""
    if version != "v1":
        return f"unsupported pod version: {version}"
    if key is not None:
        return "" if whole in _KEYED else f"field label does not support subscript: {field}"
    return "" if field in _ANY_FIELD else f"field label not supported: {field}"


def check_resource_ref(reference: dict[str, Any], path: str, found: Found, needs_container: bool = False) -> None:
    """A request or limit of a container; of another one than that which asks (``needs_container``) by its name."""
    resource = reference.get("resource") or ""
    if needs_container and not reference.get("containerName"):
        found.append(required(f"{path}.containerName"))
    elif not resource:
        found.append(required(f"{path}.resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE):
        found.append(not_supported(f"{path}.resource", resource, _RESOURCES))
    if divisor := reference.get("divisor"):
        _check_divisor(resource, str(divisor), f"{path}.divisor", found)


def _check_divisor(resource: str, divisor: str, path: str, found: Found) -> None:
    if not quantity.is_valid(divisor):
        found.append(invalid(path, divisor, quantity.MALFORMED))
        return
    name = "hugepages" if resource.startswith(_HUGE) else resource.partition(".")[2]
    supported, listed = _DIVISORS.get(name) or ((), "")
    written = str(quantity.parse(divisor))
    if listed and written != "0" and written not in supported:
        found.append(invalid(path, resource, f"only divisor's values {listed}"))


def _check_key_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    check_text(f"{path}.name", reference.get("name") or "", names.subdomain, found)
    if key := reference.get("key"):
        check_text(f"{path}.key", key, names.config_key, found)
    else:
        found.append(required(f"{path}.key"))


def _check_file_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    """A variable out of a file of an emptyDir (KEP-3721)."""
    for field, rule in (("key", names.env_name), ("volumeName", names.label)):
        if value := reference.get(field):
            check_text(f"{path}.{field}", value, rule, found)
        else:
            found.append(required(f"{path}.{field}"))
    if target := reference.get("path"):
        check_no_backsteps(f"{path}.path", target, found)
    else:
        found.append(required(f"{path}.path"))


def check_file_volumes(spec: dict[str, Any], path: str, found: Found) -> None:
    """The volumes that variables are read from are the pod's, and such as a container writes its files to."""
    volumes = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    for where, container in containers_at(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            name = reference.get("volumeName") or ""
            field = f"{where}.env[{index}].valueFrom.fileKeyRef.volumeName"
            if name not in volumes:
                found.append(not_found(field, name))
            elif volumes[name].get("emptyDir") is None:
                found.append(invalid(field, name, "referenced volume must be of type emptyDir"))


def _check_env_from(source: dict[str, Any], path: str, index: int, found: Found) -> None:
    """``path`` is that of the whole list, which upstream names for a source that is none."""
    where = f"{path}[{index}]"
    if prefix := source.get("prefix"):
        check_text(f"{where}.prefix", prefix, names.env_name, found)
    given = [field for field in ("configMapRef", "secretRef") if source.get(field) is not None]
    for field in given:
        if name := source[field].get("name"):
            check_text(f"{where}.{field}.name", name, names.subdomain, found)
        else:
            found.append(required(f"{where}.{field}.name"))
    if not given:
        found.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        found.append(invalid(path, "", _ONE))


_ONE = "may not have more than one field specified at a time"
_KEYED = ("metadata.annotations", "metadata.labels")
_ANY_FIELD = frozenset((*_ENV_FIELDS, *_VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase"))
_LISTED = f"{', '.join(_BYTES)} are supported with the"
_DIVISORS = {
    "cpu": (("1m", "1"), "1m and 1 are supported with the cpu resource"),
    "memory": (_BYTES, f"{_LISTED} memory resource"),
    "ephemeral-storage": (_BYTES, f"{_LISTED} local ephemeral storage resource"),
    "hugepages": (_BYTES, f"{_LISTED} hugepages resource"),
}
_CHECKS = {
    "fieldRef": _check_env_field_ref,
    "resourceFieldRef": check_resource_ref,
    "configMapKeyRef": _check_key_ref,
    "secretKeyRef": _check_key_ref,
    "fileKeyRef": _check_file_ref,
}
