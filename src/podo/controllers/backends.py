"""The pods behind a Service: which belong to it, at what address and ports. Shared by EndpointSlice and Endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of, namespace_of, uid_of
from podo.api.parts.container import is_sidecar
from podo.controllers.podstate import is_finished
from podo.reconcile.declare import Key, View
from podo.values.selector import from_map

HEADLESS_LABEL = "service.kubernetes.io/headless"


def has_backends(service: Obj) -> bool:
    """Are its endpoints found by a selector? (Without one somebody else writes them; ExternalName has none.)"""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def publishes_not_ready(service: Obj) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))


def services_of(pod: Obj, view: View) -> Iterator[Key]:
    """The Services whose selector matches the pod."""
    labels = labels_of(pod)
    for service in view.list("Service", namespace_of(pod)):
        if has_backends(service) and from_map(service["spec"]["selector"]).matches(labels):
            yield Key(namespace_of(service), name_of(service))


def backends_of(service: Obj, view: View) -> list[Obj]:
    """Its pods that have an address and have not ended; those on their way out too."""
    pods = view.selected("Pod", namespace_of(service), service["spec"]["selector"])
    return [pod for pod in pods if not is_finished(pod) and addresses_of(pod)]


def addresses_of(pod: Obj) -> list[str]:
    """The pod's addresses, at most one a family."""
    status = pod.get("status") or {}
    listed = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return listed or ([status["podIP"]] if status.get("podIP") else [])


def families_of(service: Obj) -> list[str]:
    """``IPv4``, ``IPv6``, in the Service's order."""
    return list(service["spec"].get("ipFamilies") or ["IPv4"])


def address_in(pod: Obj, family: str) -> str | None:
    return next((ip for ip in addresses_of(pod) if (":" in ip) == (family == "IPv6")), None)


def ports_for(service: Obj, pod: Obj) -> list[dict[str, Any]]:
    """The Service's ports as numbers on this pod; those whose name no container of it has are left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = _number(port, pod)
        if number is not None:
            app = {"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}
            protocol = port.get("protocol") or "TCP"
            found.append({"name": port.get("name") or "", "port": number, "protocol": protocol, **app})
    return found


def _number(port: dict[str, Any], pod: Obj) -> int | None:
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    sidecars = filter(is_sidecar, pod["spec"].get("initContainers") or ())
    for container in (*pod["spec"]["containers"], *sidecars):
        for listed in container.get("ports") or ():
            if listed.get("name") == target and (listed.get("protocol") or "TCP") == (port.get("protocol") or "TCP"):
                return int(listed["containerPort"])
    return None


def hostname_in(service: Obj, pod: Obj) -> str | None:
    """The pod's own name in DNS under the Service, where it has one."""
    spec = pod["spec"]
    return spec["hostname"] if spec.get("hostname") and spec.get("subdomain") == name_of(service) else None


def target_reference(pod: Obj) -> dict[str, str]:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}
