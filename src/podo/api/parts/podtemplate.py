"""The part of a pod that templates share: defaults of a PodSpec, and the walk over its containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.parts import container, volume

_LISTS = ("initContainers", "containers", "ephemeralContainers")


def each_container(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All containers of a pod spec, of the three kinds."""
    for field in _LISTS:
        yield from spec.get(field) or ()


def containers_at(spec: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All containers of a pod spec with their paths."""
    for field in _LISTS:
        for index, each in enumerate(spec.get(field) or ()):
            yield f"{path}.{field}[{index}]", each


def fill_in_spec(spec: dict[str, Any]) -> None:
    """Defaults of a PodSpec, of a pod or a template, in place."""
    spec["restartPolicy"] = spec.get("restartPolicy") or "Always"
    spec["dnsPolicy"] = spec.get("dnsPolicy") or "ClusterFirst"
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    spec["schedulerName"] = spec.get("schedulerName") or "default-scheduler"
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for each in each_container(spec):
        container.fill_in(each)
    for each in spec.get("volumes") or ():
        volume.fill_in(each)


def fill_in_template(obj: Obj) -> None:
    """Defaults of ``spec.template``, in place."""
    template = obj["spec"].setdefault("template", {})
    template.setdefault("metadata", {})
    fill_in_spec(template.setdefault("spec", {}))
