"""What scenarios share: the manifests they begin with. The cluster is the ``world`` fixture or a ``podo.lab.World``."""

from __future__ import annotations

from typing import Any


def deployment(name: str = "web", replicas: int = 3, image: str = "nginx:1.14.2", **spec: Any) -> dict[str, Any]:
    """A Deployment of one container. ``spec``: more fields of its spec."""
    labels = {"app": name}
    container = {"name": name, "image": image, "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def images(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def running_nodes(pods: list[dict[str, Any]]) -> list[str]:
    """The nodes of the pods that are not being deleted, sorted."""
    return sorted(pod["spec"].get("nodeName", "") for pod in pods if "deletionTimestamp" not in pod["metadata"])
