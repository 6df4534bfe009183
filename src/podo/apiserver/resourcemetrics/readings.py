"""From the Summary of a kubelet to NodeMetrics and PodMetrics (pure). Source: "Node metrics data", Summary API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.metrics.usage import NODEMETRICS, PODMETRICS
from podo.api.meta import annotations_of, uid_of
from podo.api.parts.pod_annotations import MIRROR
from podo.values import timestamp


@dataclass(slots=True)
class Windows:
    """When each thing was measured before, so that a measurement can say over how long it is."""

    _before: dict[str, str] = field(default_factory=dict)

    def of(self, key: str, at: str) -> str:
        """Seconds since the measurement before, as ``5s``; 1 s for a first one."""
        before = self._before.get(key)
        if before != at:
            self._before[key] = at
        seconds = timestamp.parse(at) - timestamp.parse(before) if before and before != at else 1.0
        return f"{max(1.0, seconds):g}s"

    def keep(self, keys: set[str]) -> None:
        self._before = {key: at for key, at in self._before.items() if key in keys}


def node_metrics(node: Obj, summary: Obj, windows: Windows) -> Obj | None:
    """The NodeMetrics of a node; None while its CPU has been measured only once."""
    measured = summary.get("node") or {}
    usage = _usage(measured)
    if usage is None:
        return None
    at = measured["cpu"]["time"]
    return _object(NODEMETRICS, node["metadata"], at, windows.of(_key(node["metadata"]), at)) | {"usage": usage}


def pod_metrics(pods: Mapping[tuple[str, str], Obj], summary: Obj, windows: Windows) -> Iterator[Obj]:
    """The PodMetrics of the pods (by namespace and name) of which every container has been measured twice."""
    for measured in summary.get("pods") or ():
        reference = measured["podRef"]
        pod = pods.get((reference["namespace"], reference["name"]))
        containers = [{"name": each["name"], "usage": _usage(each)} for each in measured.get("containers") or ()]
        if pod is None or not _is_of(reference, pod) or not containers:
            continue
        if any(each["usage"] is None for each in containers):
            continue
        at = min(each["cpu"]["time"] for each in measured["containers"])
        made = _object(PODMETRICS, pod["metadata"], at, windows.of(_key(pod["metadata"]), at))
        yield made | {"containers": containers}


def _is_of(reference: Obj, pod: Obj) -> bool:
    """Is this the pod that a node has measured? It knows a static pod by the hash that the mirror bears."""
    return reference["uid"] in (uid_of(pod), annotations_of(pod).get(MIRROR))


def _key(metadata: Obj) -> str:
    return str(metadata["uid"])


def _usage(measured: Obj) -> dict[str, str] | None:
    cores = (measured.get("cpu") or {}).get("usageNanoCores")
    memory = (measured.get("memory") or {}).get("workingSetBytes")
    if cores is None or memory is None:
        return None
    # Always in billionths of a core and in Ki, as metrics servers write them.
    return {"cpu": f"{cores}n" if cores else "0", "memory": f"{-(-memory // 1024)}Ki" if memory else "0"}


def _object(kind: Kind, of: Obj, at: str, window: str) -> dict[str, Any]:
    metadata = {key: of[key] for key in ("name", "namespace", "labels") if of.get(key)}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {**metadata, "creationTimestamp": at},
        "timestamp": at,
        "window": window,
    }
