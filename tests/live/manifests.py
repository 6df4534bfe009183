"""Short ways to write the manifests that the tests apply."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

Obj = dict[str, Any]

#: A shell that ends at once when it is asked to.
WAIT = "trap 'exit 0' TERM; while :; do sleep 0.2 & wait $!; done"
BUSYBOX, NGINX = "busybox:1.28", "nginx:1.14.2"


def shell(script: str = WAIT, **more: Any) -> Obj:
    """A container that runs a script; by default it waits for its end."""
    return {"name": "main", "image": BUSYBOX, "command": ["sh", "-c", script], **more}


def nginx(**more: Any) -> Obj:
    return {"name": "nginx", "image": NGINX, "ports": [{"containerPort": 80}], **more}


#: The volume that ``python`` needs.
MACHINE: Obj = {"name": "machine", "hostPath": {"path": "/"}}


def python(*arguments: str, **more: Any) -> Obj:
    """A container that runs ``serving.py`` with this machine's Python, which no image has."""
    mount = {"name": "machine", "mountPath": "/machine", "readOnly": True}
    return {
        "name": "main",
        "image": BUSYBOX,
        "command": in_machine(*arguments),
        "volumeMounts": [mount],
        **more,
    }


def in_machine(*arguments: str) -> list[str]:
    """The command of such a container."""
    return ["chroot", "/machine", sys.executable, str(Path(__file__).with_name("serving.py")), *arguments]


def pod(name: str, *containers: Obj, labels: Obj | None = None, **spec: Any) -> Obj:
    spec = {"terminationGracePeriodSeconds": 2, "containers": list(containers) or [shell()], **spec}
    metadata = {"name": name, "labels": labels or {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(name: str, *containers: Obj, replicas: int = 1, **spec: Any) -> Obj:
    labels = {"app": name}
    inner = {"terminationGracePeriodSeconds": 2, "containers": list(containers) or [nginx()]}
    template = {"metadata": {"labels": labels}, "spec": inner}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def service(name: str, port: int = 80, **spec: Any) -> Obj:
    """A Service of the pods labelled ``app: NAME``."""
    ports = [{"port": port, "targetPort": 80}]
    spec = {"selector": {"app": name}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
