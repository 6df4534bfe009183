"""NodeMetrics and PodMetrics (metrics.k8s.io/v1beta1): what nodes and pods use of CPU and memory; read only.

Source: the API of k8s.io/metrics, as ``kubectl top`` and autoscalers read it.
"""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.structural.schema import StructuralSchema

GROUP, VERSION = "metrics.k8s.io", "v1beta1"

_AMOUNTS: Obj = {
    "type": "object",
    "description": "Amounts by the name of the resource: cpu in cores, memory in bytes of the working set.",
    "additionalProperties": {"x-kubernetes-int-or-string": True},
}
_MEASURED: dict[str, Any] = {
    "timestamp": {"type": "string", "format": "date-time", "description": "When the window ended."},
    "window": {"type": "string", "description": "The length of the interval of which cpu is the average, in seconds."},
}
_CONTAINER: Obj = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "usage": _AMOUNTS},
    "required": ["name", "usage"],
}


def _kind(kind: str, plural: str, fields: dict[str, Any], *, namespaced: bool, columns: tuple[Any, ...]) -> Kind:
    schema = {"type": "object", "properties": {**_MEASURED, **fields}, "required": ["timestamp", "window", *fields]}
    return Kind(
        group=GROUP,
        version=VERSION,
        kind=kind,
        plural=plural,
        namespaced=namespaced,
        verbs=("get", "list", "watch"),
        custom=StructuralSchema(schema, GROUP, VERSION, kind),
        columns=(NAME, *columns, column("Window", lambda measured: measured.get("window", "")), AGE),
    )


def _used(resource: str) -> Any:
    def total(measured: Obj) -> str:
        from podo.values import quantity

        parts = [measured] if "usage" in measured else measured.get("containers") or []
        return quantity.total([part["usage"].get(resource, "0") for part in parts])

    return total


_COLUMNS = (column("CPU", _used("cpu")), column("Memory", _used("memory")))

NODEMETRICS = _kind("NodeMetrics", "nodes", {"usage": _AMOUNTS}, namespaced=False, columns=_COLUMNS)
PODMETRICS = _kind(
    "PodMetrics",
    "pods",
    {"containers": {"type": "array", "items": _CONTAINER}},
    namespaced=True,
    columns=_COLUMNS,
)
