"""The ConfigMaps and Secrets that a pod refers to: those that it cannot start without, and those that are optional."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj

CONFIG_MAP, SECRET = "ConfigMap", "Secret"
#: (kind, name, whether the pod starts without it)
Reference = tuple[str, str, bool]
_NAMED = (("configMap", "name", CONFIG_MAP), ("secret", "secretName", SECRET))
_IN_ENVIRONMENT = (("configMapRef", CONFIG_MAP), ("secretRef", SECRET))
_OF_KEYS = (("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET))


def of(pod: Obj) -> Iterator[Reference]:
    spec = pod["spec"]
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume)
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for source in container.get("envFrom") or ():
            yield from _among(source, _IN_ENVIRONMENT)
        for variable in container.get("env") or ():
            yield from _among(variable.get("valueFrom") or {}, _OF_KEYS)


def _of_volume(volume: dict[str, Any]) -> Iterator[Reference]:
    for field, name, kind in _NAMED:
        if (found := volume.get(field)) and found.get(name):
            yield kind, found[name], bool(found.get("optional"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _among(source, (("configMap", CONFIG_MAP), ("secret", SECRET)))


def _among(source: dict[str, Any], fields: tuple[tuple[str, str], ...]) -> Iterator[Reference]:
    for field, kind in fields:
        if (found := source.get(field)) and found.get("name"):
            yield kind, found["name"], bool(found.get("optional"))
