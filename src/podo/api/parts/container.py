"""One container: defaults (API reference: Container). Its rules are in ``container_rules``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.parts import probe


def is_sidecar(container: dict[str, Any]) -> bool:
    """Is this init container one that keeps running beside the pod's containers (``restartPolicy: Always``)?"""
    return container.get("restartPolicy") == "Always"


def fill_in(container: dict[str, Any]) -> None:
    """Defaults of one container, in place."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    container["terminationMessagePath"] = container.get("terminationMessagePath") or "/dev/termination-log"
    container["terminationMessagePolicy"] = container.get("terminationMessagePolicy") or "File"
    if container.get("resources") is None:
        container["resources"] = {}
    for port in container.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference["apiVersion"] = reference.get("apiVersion") or "v1"
    probe.fill_in(container)


@lru_cache(maxsize=4096)
def pull_policy(image: str) -> str:
    """The default imagePullPolicy of an image: Always for ``latest`` (said or meant), else IfNotPresent."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag in ("", "latest") else "IfNotPresent"


def fill_in_requests(container: dict[str, Any]) -> None:
    """What is limited and not requested is requested up to its limit. Pods only; templates keep what was written."""
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if limits:
        requests = resources.get("requests")
        if requests is None:
            requests = resources["requests"] = {}
        for name, quantity in limits.items():
            requests.setdefault(name, quantity)


def fill_in_host_ports(container: dict[str, Any]) -> None:
    """On the host's network a container port is the host's port."""
    for port in container.get("ports") or ():
        if not port.get("hostPort"):
            port["hostPort"] = port.get("containerPort", 0)
