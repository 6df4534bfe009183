"""Pods, sandboxes and containers for tests of the node's decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from podo.node import labels, podspec
from podo.node.observed import Seen
from podo.node.runtimes.contract import Container, Sandbox

Obj = dict[str, Any]
NOW = 1_000_000.0


def pod(*names: str, init: tuple[Obj, ...] = (), **spec: Any) -> Obj:
    containers = [{"name": name, "image": "busybox:1.28"} for name in names or ("web",)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "uid": "uid-1", "resourceVersion": "1", "generation": 1},
        "spec": {"nodeName": "n1", "containers": containers, "initContainers": list(init), **spec},
        "status": {"phase": "Pending"},
    }


def init(name: str, **more: Any) -> Obj:
    return {"name": name, "image": "busybox:1.28", **more}


def sandbox(attempt: int = 0, ready: bool = True) -> Sandbox:
    return Sandbox(f"s{attempt}", "web", "default", "uid-1", attempt, ready, NOW - 100, ("10.244.0.2",))


def running(name: str = "web", attempt: int = 0, in_sandbox: str = "s0") -> Container:
    marks = {labels.HASH: podspec.definition_hash({"name": name, "image": "busybox:1.28"})}
    return Container(
        f"{name}-{attempt}",
        in_sandbox,
        name,
        attempt,
        "running",
        created_at=NOW - 50 + attempt,
        started_at=NOW - 50 + attempt,
        annotations=marks,
    )


def exited(
    name: str = "web", attempt: int = 0, code: int = 1, at: float = NOW - 1, in_sandbox: str = "s0"
) -> Container:
    return replace(running(name, attempt, in_sandbox), state="exited", exit_code=code, finished_at=at)


def seen(*containers: Container, sandboxes: tuple[Sandbox, ...] | None = None) -> Seen:
    return Seen.of((sandbox(),) if sandboxes is None else sandboxes, containers)
