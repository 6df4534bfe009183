"""DeviceTaintRule (resource.k8s.io/v1): an administrator taints devices that drivers offer."""

from __future__ import annotations

from podo.api.columns import AGE, NAME
from podo.api.kind import Kind, Obj
from podo.api.kinds.resource.device_rules import GROUP, check_pool_name, check_taint
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, check_text
from podo.values import names


def _prepare(new: Obj, old: Obj | None) -> None:
    """A taint counts from when the rule was made; another effect counts anew, from when the controller sees it."""
    taint = (new.get("spec") or {}).get("taint") or {}
    if taint.get("timeAdded") or not taint:
        return
    before = ((old or {}).get("spec") or {}).get("taint") or {}
    if old is None:
        since = new["metadata"].get("creationTimestamp")
    else:
        since = before.get("timeAdded") if before.get("effect") == taint.get("effect") else None
    if since:
        taint["timeAdded"] = since


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    selector = spec.get("deviceSelector") or {}
    if driver := selector.get("driver"):
        check_driver_name("spec.deviceSelector.driver", driver, found)
    if pool := selector.get("pool"):
        check_pool_name("spec.deviceSelector.pool", pool, found)
    if device := selector.get("device"):
        check_text("spec.deviceSelector.device", device, names.label, found)
    check_taint(spec.get("taint") or {}, "spec.taint", found)
    return found


DEVICETAINTRULE = Kind(
    group=GROUP,
    version="v1",
    kind="DeviceTaintRule",
    plural="devicetaintrules",
    singular="devicetaintrule",
    namespaced=False,
    problems=_problems,
    prepare=_prepare,
    columns=(NAME, AGE),
    subresources=frozenset({"status"}),
    generation=True,
)
