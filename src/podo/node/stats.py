"""What the kubelet's port says of usage: ``/stats/summary`` (JSON) and ``/metrics/resource`` (Prometheus text). Pure.

Source: the documentation's "Node metrics data" and "Kubernetes Metrics Reference".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.node.usage import BILLION, NodeUsage, Sample
from podo.values import timestamp

Series = tuple[str, str, str]  # name, type, help
CONTAINER_CPU = (
    "container_cpu_usage_seconds_total",
    "counter",
    "Cumulative cpu time consumed by the container in core-seconds",
)
CONTAINER_MEMORY = (
    "container_memory_working_set_bytes",
    "gauge",
    "Current working set of the container in bytes",
)
CONTAINER_START = (
    "container_start_time_seconds",
    "gauge",
    "Start time of the container since unix epoch in seconds",
)
NODE_CPU = ("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds")
NODE_MEMORY = ("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes")
POD_CPU = ("pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds")
POD_MEMORY = ("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes")
SCRAPE_ERROR = (
    "resource_scrape_error",
    "gauge",
    "1 if there was an error while getting container metrics, 0 otherwise",
)


def summary(node: NodeUsage) -> Obj:
    """The Summary of the kubelet's stats API (v1alpha1): node, pods, containers."""
    memory = _memory(node.sample)
    memory["availableBytes"] = max(0, node.memory - node.sample.usage.working_set)
    pods = [
        {
            "podRef": {"name": name_of(each.pod), "namespace": namespace_of(each.pod), "uid": uid_of(each.pod)},
            "startTime": (each.pod.get("status") or {}).get("startTime"),
            "containers": [
                {
                    "name": one.container.name,
                    "startTime": timestamp.time(one.container.started_at),
                    "cpu": _cpu(one.sample),
                    "memory": _memory(one.sample),
                }
                for one in each.containers
            ],
            "cpu": _cpu(each.sample),
            "memory": _memory(each.sample),
        }
        for each in node.pods
    ]
    return {"node": {"nodeName": node.name, "cpu": _cpu(node.sample), "memory": memory}, "pods": pods}


def _cpu(sample: Sample) -> Obj:
    cpu: Obj = {"time": timestamp.time(sample.at), "usageCoreNanoSeconds": sample.usage.cpu_nanos}
    if sample.nano_cores is not None:
        cpu["usageNanoCores"] = sample.nano_cores
    return cpu


def _memory(sample: Sample) -> Obj:
    return {
        "time": timestamp.time(sample.at),
        "usageBytes": sample.usage.memory,
        "workingSetBytes": sample.usage.working_set,
    }


def resource_metrics(node: NodeUsage) -> str:
    """Prometheus' text format 0.0.4, each value with its time."""
    lines: list[str] = []
    containers = [
        ({"container": one.container.name, **_place(each.pod)}, one) for each in node.pods for one in each.containers
    ]
    lines += _series(CONTAINER_CPU, ((labels, _seconds(one.sample), one.sample.at) for labels, one in containers))
    lines += _series(
        CONTAINER_MEMORY, ((labels, str(one.sample.usage.working_set), one.sample.at) for labels, one in containers)
    )
    lines += _series(
        CONTAINER_START, ((labels, repr(one.container.started_at), one.sample.at) for labels, one in containers)
    )
    lines += _series(NODE_CPU, [({}, _seconds(node.sample), node.sample.at)])
    lines += _series(NODE_MEMORY, [({}, str(node.sample.usage.working_set), node.sample.at)])
    lines += _series(POD_CPU, ((_place(each.pod), _seconds(each.sample), each.sample.at) for each in node.pods))
    lines += _series(
        POD_MEMORY, ((_place(each.pod), str(each.sample.usage.working_set), each.sample.at) for each in node.pods)
    )
    lines += _series(SCRAPE_ERROR, [({}, "0", None)])
    return "\n".join(lines) + "\n"


def _place(pod: Obj) -> dict[str, str]:
    return {"namespace": namespace_of(pod), "pod": name_of(pod)}


def _seconds(sample: Sample) -> str:
    return repr(sample.usage.cpu_nanos / BILLION)


def _series(series: Series, values: Iterable[tuple[Mapping[str, str], str, float | None]]) -> list[str]:
    name, kind, text = series
    lines = [f"# HELP {name} [STABLE] {text}", f"# TYPE {name} {kind}"]
    for labels, value, at in values:
        braces = "{" + ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items()) + "}" if labels else ""
        time = f" {int(at * 1000)}" if at is not None else ""
        lines.append(f"{name}{braces} {value}{time}")
    return lines if len(lines) > 2 else []


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
