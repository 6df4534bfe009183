"""containerd's own event service, and what its events tell: CRI of containerd 1.x has no events."""

from __future__ import annotations

from typing import Any

from podo.node.runtimes.containerd_messages import message
from podo.node.runtimes.contract import Happened

SUBSCRIBE = "/containerd.services.events.v1.Events/Subscribe"
FILTER = 'namespace=="k8s.io",topic~="/tasks/(exit|oom|start)"'


def happened(envelope: Any) -> Happened | None:
    """What the envelope tells; None for what is not about a whole container."""
    body = envelope.event.value
    match envelope.topic:
        case "/tasks/exit":
            event = message("TaskExit").FromString(body)
            if event.id != event.container_id:  # the end of an exec
                return None
            at = event.exited_at
            return Happened("exited", event.container_id, event.exit_status, at.seconds + at.nanos / 1e9)
        case "/tasks/oom":
            return Happened("oom", message("TaskOOM").FromString(body).container_id)
        case "/tasks/start":
            return Happened("started", message("TaskStart").FromString(body).container_id)
    return None
