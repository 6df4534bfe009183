"""RuntimeClass: a pod gets the overhead, node selector and tolerations of its class; a class must exist.

Source: "Runtime Class" and "Pod Overhead" of the Kubernetes documentation; KEP-585, KEP-688.
"""

from __future__ import annotations

from typing import Any

from podo.admission.request import AdmissionRequest, Plugin, creates_pod
from podo.admission.stored import stored
from podo.api.errors import ApiError, forbidden
from podo.api.kind import Obj
from podo.values import quantity


async def admit(request: AdmissionRequest) -> None:
    spec = request.object.get("spec") if request.object else None
    if not isinstance(spec, dict):
        return
    found = await _class_of(request, spec.get("runtimeClassName"))
    _set_overhead(request, spec, (found.get("overhead") or {}).get("podFixed") or {})
    scheduling = found.get("scheduling") or {}
    _add_selector(request, spec, scheduling.get("nodeSelector") or {})
    _add_tolerations(spec, scheduling.get("tolerations") or [])


async def _class_of(request: AdmissionRequest, name: str | None) -> Obj:
    """The pod's class, {} for a pod without one."""
    if not name:
        return {}
    found = await stored(request, "RuntimeClass", "", name)
    if found is None:
        raise _refused(request, f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _set_overhead(request: AdmissionRequest, spec: dict[str, Any], fixed: dict[str, Any]) -> None:
    given = spec.get("overhead") or {}
    if given and not fixed:
        raise _refused(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
    if given and _amounts(given) != _amounts(fixed):
        raise _refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if fixed:
        spec["overhead"] = dict(fixed)


def _amounts(overhead: dict[str, Any]) -> dict[str, Any]:
    """Comparable: ``0.1`` is ``100m``. What is no quantity is compared as it is; the rules refuse it later."""
    found: dict[str, Any] = {}
    for name, amount in overhead.items():
        try:
            found[name] = quantity.parse(str(amount)).nano
        except quantity.QuantityError:
            found[name] = amount
    return found


def _add_selector(request: AdmissionRequest, spec: dict[str, Any], wanted: dict[str, str]) -> None:
    given = spec.get("nodeSelector") or {}
    for key, value in wanted.items():
        if given.get(key, value) != value:
            where = f"nodeSelector[{key}] = "
            why = f"conflict: runtimeClass.scheduling.{where}{value}; pod.spec.{where}{given[key]}"
            raise _refused(request, why)
    if wanted:
        spec["nodeSelector"] = {**given, **wanted}


def _add_tolerations(spec: dict[str, Any], wanted: list[dict[str, Any]]) -> None:
    given = spec.get("tolerations") or []
    if added := [toleration for toleration in wanted if toleration not in given]:
        spec["tolerations"] = [*given, *added]


def _refused(request: AdmissionRequest, why: str) -> ApiError:
    return forbidden(request.kind, request.name, why)


PLUGIN = Plugin("RuntimeClass", creates_pod, admit)
