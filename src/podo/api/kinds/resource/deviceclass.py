"""DeviceClass (resource.k8s.io/v1): a sort of device that claims can ask for."""

from __future__ import annotations

from podo.api.columns import AGE, NAME
from podo.api.kind import Kind, Obj
from podo.api.kinds.resource.device_rules import GROUP, check_config, check_selectors
from podo.api.parts.resource_rules import is_extended
from podo.api.rules import Found, invalid


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_selectors(spec.get("selectors") or [], "spec.selectors", found)
    check_config(spec.get("config") or [], "spec.config", found)
    if (extended := spec.get("extendedResourceName")) and not is_extended(extended):
        found.append(invalid("spec.extendedResourceName", extended, "must be a valid extended resource name"))
    return found


DEVICECLASS = Kind(
    group=GROUP,
    version="v1",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    problems=_problems,
    columns=(NAME, AGE),
    generation=True,
)
