"""The kubelet's own metrics, by upstream's names: what runs here (``/metrics``), what each container uses in the labels
of cAdvisor (``/metrics/cadvisor``), and how probes went (``/metrics/probes``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podo.api.meta import name_of, namespace_of
from podo.node.usage import BILLION, ContainerUsage, NodeUsage, PodUsage
from podo.runtime.metrics import Counter, Family, counter, gauge
from podo.version import GIT_VERSION, KUBERNETES_MAJOR, KUBERNETES_MINOR

PLACE = ("container", "image", "name", "namespace", "pod")
#: Series of probes that are kept at most.
MOST_PROBES = 5000


def probe_results() -> Counter:
    text = "Cumulative number of a liveness, readiness or startup probe for a container by result."
    labels = ("probe_type", "result", "container", "pod", "namespace", "pod_uid")
    return Counter("prober_probe_total", text, labels, MOST_PROBES)


def of_kubelet(node: NodeUsage) -> Iterator[Family]:
    containers = sum(len(pod.containers) for pod in node.pods)
    yield gauge("kubelet_node_name", "The node's name. The count is always 1.", ("node",), [((node.name,), 1)])
    yield gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox", (), [((), len(node.pods))])
    text = "Number of containers currently running"
    yield gauge("kubelet_running_containers", text, ("container_state",), [(("running",), containers)])
    version = (str(KUBERNETES_MAJOR), str(KUBERNETES_MINOR), GIT_VERSION)
    text = "A metric with a constant '1' value, by what was built."
    yield gauge("kubernetes_build_info", text, ("major", "minor", "git_version"), [(version, 1)])


def of_containers(node: NodeUsage) -> Iterator[Family]:
    """With cAdvisor's names and labels."""

    def by_container(value: Callable[[ContainerUsage], float]) -> list[tuple[tuple[str, ...], float]]:
        return [(_place(each, one), value(one)) for each in node.pods for one in each.containers]

    used = by_container(lambda one: one.sample.usage.cpu_nanos / BILLION)
    yield counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", PLACE, used)
    memory = by_container(lambda one: one.sample.usage.memory)
    yield gauge("container_memory_usage_bytes", "Current memory usage in bytes.", PLACE, memory)
    working = by_container(lambda one: one.sample.usage.working_set)
    yield gauge("container_memory_working_set_bytes", "Current working set in bytes.", PLACE, working)
    began = by_container(lambda one: one.container.started_at)
    yield gauge("container_start_time_seconds", "Start time in seconds since the epoch.", PLACE, began)
    yield gauge("machine_memory_bytes", "Amount of memory installed on the machine.", (), [((), node.memory)])


def _place(pod: PodUsage, one: ContainerUsage) -> tuple[str, ...]:
    container = one.container
    return container.name, container.image, container.id, namespace_of(pod.pod), name_of(pod.pod)
