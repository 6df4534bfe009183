"""Pod (v1): containers that run together on one node."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind, Obj
from podo.api.kinds.core import pod_status
from podo.api.kinds.core.pod_columns import COLUMNS, row_conditions
from podo.api.kinds.core.pod_rules import problems
from podo.api.parts import apparmor, container, labelkeys, pod_warnings, podlevel, podtemplate
from podo.api.parts.addresses import ip_warnings
from podo.api.parts.resources import qos_class

#: The condition of a pod that is made with scheduling gates.
_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
    "lastProbeTime": None,
    "lastTransitionTime": None,
}


def _fill_in(pod: Obj) -> None:
    spec = pod.setdefault("spec", {})
    podtemplate.fill_in_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for each in podtemplate.each_container(spec):
        container.fill_in_requests(each)
    if spec.get("resources"):
        podlevel.fill_in(spec)
    if spec.get("hostNetwork"):
        for field in ("containers", "initContainers"):
            for each in spec.get(field) or ():
                container.fill_in_host_ports(each)


def _prepare(new: Obj, old: Obj | None) -> list[str] | None:
    if old is not None or (new.get("status") or {}).get("qosClass"):  # made anew under another name it has one
        return None
    spec = new["spec"]
    if "affinity" in spec or "topologySpreadConstraints" in spec:
        labelkeys.merge(spec, new["metadata"].get("labels") or {})
    new["status"] = {"phase": "Pending", "qosClass": qos_class(new)}
    if spec.get("schedulingGates"):
        new["status"]["conditions"] = [dict(_GATED)]
    return apparmor.take_over(new) if new["metadata"].get("annotations") else None


def _status_warnings(new: Obj, old: Obj) -> list[str]:
    status = new.get("status") or {}
    return [
        warning
        for field in ("podIPs", "hostIPs")
        for index, one in enumerate(status.get(field) or ())
        for warning in ip_warnings(f"status.{field}[{index}].ip", one.get("ip") or "")
    ]


def _spec(field: str) -> Any:
    return lambda pod: pod["spec"].get(field) or ""


def _status(field: str) -> Any:
    return lambda pod: (pod.get("status") or {}).get(field) or ""


def _pod_ip(pod: Obj) -> str:
    status = pod.get("status") or {}
    addresses = status.get("podIPs")
    return (addresses[0].get("ip") if addresses else status.get("podIP")) or ""


POD = Kind(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    fill_in=_fill_in,
    problems=problems,
    warnings=pod_warnings.of_pod,
    status_warnings=_status_warnings,
    status_problems=pod_status.problems,
    prepare=_prepare,
    prepare_status=pod_status.prepare,
    columns=COLUMNS,
    row_conditions=row_conditions,
    fields={
        "spec.nodeName": _spec("nodeName"),
        "spec.restartPolicy": _spec("restartPolicy"),
        "spec.schedulerName": _spec("schedulerName"),
        "spec.serviceAccountName": _spec("serviceAccountName"),
        "spec.hostNetwork": lambda pod: "true" if pod["spec"].get("hostNetwork") else "false",
        "status.phase": _status("phase"),
        "status.podIP": _pod_ip,
        "status.nominatedNodeName": _status("nominatedNodeName"),
    },
    subresources=frozenset(
        {
            "status",
            "binding",
            "eviction",
            "ephemeralcontainers",
            "resize",
            "log",
            "exec",
            "attach",
            "portforward",
            "proxy",
        }
    ),
    generation=True,
)
