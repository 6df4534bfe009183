"""Which requests tell a metric that is no pod's CPU or memory, and what their answers say (pure).

Such metrics are served by adapters behind APIServices: custom.metrics.k8s.io and external.metrics.k8s.io.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, urlencode

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of
from podo.controllers.horizontalpodautoscaler.measuring import NoMetrics, Reading, Readings
from podo.values import quantity, timestamp
from podo.values.selector import from_label_selector, told

CUSTOM, EXTERNAL = "/apis/custom.metrics.k8s.io/v1beta2", "/apis/external.metrics.k8s.io/v1beta1"
#: How long a value counts that says no window of its own (seconds).
WINDOW = 60.0

#: From path and query to what was answered. Raises NoMetrics; ``NotYet`` where the question is new.
Answers = Callable[[str], Obj]


class NotYet(Exception):
    """The adapter has been asked and has not answered yet."""


def nobody(target: str) -> Obj:
    """The answers where nothing is asked."""
    raise NoMetrics("the server could not find the requested resource")


class AdapterValues:
    """``metrics.MetricValues`` by what adapters answer."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def of_pods(self, namespace: str, metric: Obj, pods: Sequence[Obj]) -> Readings:
        query = {"labelSelector": _shared_labels(pods)} | _selector("metricLabelSelector", metric.get("selector"))
        what = f"metric {metric['name']}: "
        found = self._ask(_path(CUSTOM, namespace, "pods", "*", metric["name"]), query, what, "custom")
        names = {name_of(pod) for pod in pods}
        return {
            item["describedObject"]["name"]: Reading(
                _millis(item["value"]),
                timestamp.parse(item["timestamp"]),
                float(item.get("windowSeconds") or WINDOW),
            )
            for item in found
            if item["describedObject"]["name"] in names
        }

    def of_object(self, namespace: str, metric: Obj, described: Obj) -> int:
        query = _selector("metricLabelSelector", metric.get("selector"))
        path = _path(CUSTOM, namespace, _resource(described), described["name"], metric["name"])
        what = f"metric {metric['name']}: {described['kind']} on {namespace} {described['name']}/"
        found = self._ask(path, query, what, "custom")
        if len(found) != 1:
            raise NoMetrics(f"unable to get metric {metric['name']}: {len(found)} values instead of one")
        return _millis(found[0]["value"])

    def external(self, namespace: str, metric: Obj) -> Sequence[int]:
        query = _selector("labelSelector", metric.get("selector"))
        what = f"external metric {namespace}/{metric['name']}/{told(metric.get('selector'))}: "
        found = self._ask(_path(EXTERNAL, namespace, metric["name"]), query, what, "external")
        if not found:
            raise NoMetrics(f"unable to get {what}no metrics returned from external metrics API")
        return [_millis(item["value"]) for item in found]

    def _ask(self, path: str, query: Mapping[str, str], what: str, api: str) -> list[Obj]:
        """``what`` is asked for, in the words of the message when nobody answers."""
        try:
            found = self._answers(f"{path}?{urlencode(query)}" if query else path)
            items = found.get("items")
            return list(items) if items is not None else [found]
        except NoMetrics as why:
            raise NoMetrics(f"unable to get {what}unable to fetch metrics from {api} metrics API: {why}") from None


def _path(root: str, namespace: str, *parts: str) -> str:
    return "/".join([root, "namespaces", *(quote(part, safe="*") for part in (namespace, *parts))])


def _shared_labels(pods: Sequence[Obj]) -> str:
    """The labels that all the pods have: the adapter may answer for more pods, these are left out then."""
    shared: dict[str, str] | None = None
    for pod in pods:
        labels = labels_of(pod)
        shared = dict(labels) if shared is None else {k: v for k, v in shared.items() if labels.get(k) == v}
    return ",".join(f"{key}={value}" for key, value in sorted((shared or {}).items()))


def _selector(parameter: str, selector: Obj | None) -> dict[str, str]:
    return {parameter: str(from_label_selector(selector))} if selector else {}


def _resource(described: Obj) -> str:
    """``ingresses.networking.k8s.io`` of a reference to an object."""
    group = str(described.get("apiVersion") or "").rpartition("/")[0]
    try:
        return registry.named(f"{group}/{described['kind']}" if group else described["kind"]).resource
    except registry.UnknownKind:
        plural = described["kind"].lower() + "s"
        return f"{plural}.{group}" if group else plural


def _millis(value: object) -> int:
    return quantity.parse(str(value)).millis
