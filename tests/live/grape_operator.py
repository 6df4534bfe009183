"""An operator as users of kopf write them: a Grape ripens into a ConfigMap, is tended by a daemon and counted by a
timer, and leaves a note when it goes. ``kopf run`` runs it; see ``test_clients_kopf.py``.
"""

from __future__ import annotations

from typing import Any

import kopf
from kubernetes import client

GRAPES = ("example.com", "v1", "grapes")


def config_map(namespace: str, name: str, data: dict[str, str], owned: bool) -> None:
    """Make one, once: kopf calls a handler of a deletion again for as long as a daemon or timer has not ended."""
    body = {"metadata": {"name": name}, "data": data}
    if owned:
        kopf.adopt(body)
    try:
        client.CoreV1Api().create_namespaced_config_map(namespace, body)
    except client.ApiException as refused:
        if refused.reason != "Conflict":
            raise


@kopf.on.startup()
def quick(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = True
    settings.watching.server_timeout = 60
    settings.background.cancellation_polling = 0.2  # is the timer gone? kopf looks again after a minute by default


@kopf.on.create(*GRAPES)
def ripen(spec: Any, name: str, namespace: str, patch: kopf.Patch, body: Any, **_: Any) -> dict[str, str]:
    config_map(namespace, f"{name}-juice", {"color": spec["color"]}, owned=True)
    patch.status["state"] = "ripe"
    kopf.info(body, reason="Ripened", message=f"{name} is {spec['color']}")
    return {"color": spec["color"]}


@kopf.on.update(*GRAPES, field="spec.color")
def recolor(old: str, new: str, patch: kopf.Patch, **_: Any) -> None:
    patch.status["state"] = f"from {old} to {new}"


@kopf.daemon(*GRAPES, initial_delay=0.1)
def tend(stopped: kopf.DaemonStopped, name: str, namespace: str, **_: Any) -> None:
    config_map(namespace, f"{name}-tended", {}, owned=True)
    while not stopped:
        stopped.wait(60)


@kopf.timer(*GRAPES, interval=0.3)
def count(status: Any, patch: kopf.Patch, **_: Any) -> None:
    patch.status["ticks"] = (status.get("ticks") or 0) + 1


@kopf.on.delete(*GRAPES)
def press(spec: Any, name: str, namespace: str, **_: Any) -> None:
    config_map(namespace, f"{name}-was-here", {"color": spec["color"]}, owned=False)
