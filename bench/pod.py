"""The pods that the measurements create."""

from __future__ import annotations

from typing import Any

import orjson

#: Of fixed length, so that a request's head can be made before its name is known.
NAME = "bench-{:07d}"
#: No scheduler of this name: the pod stays as it is and costs only what the API server does for it.
NOBODY = "nobody"


def pod(
    name: str, *, scheduler: str = "default-scheduler", command: tuple[str, ...] = ("sleep", "3600")
) -> dict[str, Any]:
    """A typical pod: labels, a container with environment, resources and a port."""
    container = {
        "name": "main",
        "image": "busybox:1.28",
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": [{"name": "MODE", "value": "production"}, {"name": "LEVEL", "value": "info"}],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
    }
    spec = {"schedulerName": scheduler, "terminationGracePeriodSeconds": 0, "containers": [container]}
    metadata = {"name": name, "labels": {"app": "bench", "tier": "backend", "version": "v1"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def encoded(number: int, *, scheduler: str = NOBODY) -> bytes:
    """Compact, as Go's clients write it."""
    return orjson.dumps(pod(NAME.format(number), scheduler=scheduler))
