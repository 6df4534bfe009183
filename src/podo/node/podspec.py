"""Reading a pod: the few questions about its spec that lifecycle, status and translation share."""

from __future__ import annotations

import zlib
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of, namespace_of, uid_of
from podo.api.parts.container import is_sidecar

DEFAULT_GRACE_SECONDS = 30
CONFIG_HASH = "kubernetes.io/config.hash"
TERMINAL_PHASES = ("Succeeded", "Failed")


def init_containers(pod: Obj) -> list[Obj]:
    return pod["spec"].get("initContainers") or []


def containers(pod: Obj) -> list[Obj]:
    return pod["spec"].get("containers") or []


def ephemeral_containers(pod: Obj) -> list[Obj]:
    return pod["spec"].get("ephemeralContainers") or []


def all_containers(pod: Obj) -> list[Obj]:
    return [*init_containers(pod), *containers(pod), *ephemeral_containers(pod)]


def container_named(pod: Obj, name: str) -> Obj | None:
    for container in all_containers(pod):
        if container["name"] == name:
            return container
    return None


def sidecars(pod: Obj) -> list[Obj]:
    return [container for container in init_containers(pod) if is_sidecar(container)]


def restart_policy(pod: Obj) -> str:
    return str(pod["spec"].get("restartPolicy") or "Always")


def grace_seconds(pod: Obj) -> float:
    """The grace in force: what the deletion asked for, else the spec's."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is None:
        asked = pod["spec"].get("terminationGracePeriodSeconds")
    return float(DEFAULT_GRACE_SECONDS if asked is None else asked)


def is_host_network(pod: Obj) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def phase_of(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def is_terminal(pod: Obj) -> bool:
    return phase_of(pod) in TERMINAL_PHASES


def is_static(pod: Obj) -> bool:
    """Is it of a manifest on the node? (Nobody can know the uid that the API will give a pod.)"""
    return bool(annotations_of(pod).get(CONFIG_HASH) == uid_of(pod))


def full_name(pod: Obj) -> str:
    """``web_default(4c1d...)``, as the kubelet's messages name a pod."""
    return f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"


def definition_hash(container: Obj) -> str:
    """Changes when a running container must be replaced: of what a pod update may change, the image."""
    definition = container["name"] + "\0" + container.get("image", "")
    return f"{zlib.crc32(definition.encode()):08x}"


def reported(pod: Obj, name: str) -> dict[str, Any] | None:
    """The container's status as the API has it."""
    status = pod.get("status") or {}
    for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for entry in status.get(group) or ():
            if entry.get("name") == name:
                found: dict[str, Any] = entry
                return found
    return None
