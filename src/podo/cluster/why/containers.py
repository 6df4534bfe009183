"""Why a container does not run, or runs and is not ready: an image that cannot be pulled, a program that ends, a probe
that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.cluster.why.finding import Finding, Picture

_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
#: What exit codes mean that programs seldom choose themselves.
_EXITS = {
    126: "the command cannot be executed",
    127: "the command was not found",
    134: "SIGABRT: it aborted itself",
    137: "SIGKILL: out of memory, or not stopped in time",
    139: "SIGSEGV: it crashed",
    143: "SIGTERM: it was stopped",
}
_HINTS = (
    (re.compile(r"not found|manifest unknown|does not exist", re.I), "the registry has no such name or tag"),
    (re.compile(r"unauthorized|denied|forbidden|401|403", re.I), "the registry refuses it"),
    (re.compile(r"no such host|timed? ?out|refused|unreachable", re.I), "the registry cannot be reached"),
)
#: What the node says of a probe that failed.
_UNHEALTHY = re.compile(r"(Readiness|Liveness|Startup) probe (failed|errored)[^:]*: ?(.*)", re.DOTALL)


def lines(pod: Obj, picture: Picture) -> Iterator[str]:
    """What each container that is not as it should be says of itself."""
    for status in _statuses(pod):
        name, state = status["name"], status.get("state") or {}
        if waiting := state.get("waiting"):
            yield f"container {name} waits: {_said(waiting)}"
        yield from _ended(status)
        if "running" in state and not status.get("ready"):
            yield from _not_ready(pod, status, picture)


def _statuses(pod: Obj) -> tuple[dict[str, Any], ...]:
    status = pod.get("status") or {}
    return (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))


def _said(state: Obj) -> str:
    return ": ".join(part for part in (state.get("reason"), state.get("message")) if part) or "no reason given"


def _ended(status: Obj) -> Iterator[str]:
    state = status.get("state") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    if not ended or not ended.get("exitCode"):
        return
    code, restarts = ended["exitCode"], int(status.get("restartCount") or 0)
    means = f" ({_EXITS[code]})" if code in _EXITS and ended.get("reason") != "OOMKilled" else ""
    times = f", started again {restarts} time{'s' if restarts > 1 else ''}" if restarts else ""
    yield f"container {status['name']} ended with exit code {code}{means}: {_said(ended)}{times}"


def _not_ready(pod: Obj, status: Obj, picture: Picture) -> Iterator[str]:
    spec: dict[str, Any] = next(
        (each for each in pod["spec"].get("containers") or () if each["name"] == status["name"]), {}
    )
    failed = dict(_failed_probes(pod, status["name"], picture))
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    told = [kind for kind in kinds if kind in failed and spec.get(kind)]
    if not told:
        probe = spec.get("readinessProbe")
        yield f"container {status['name']} runs and is not ready{f' ({_asked(probe)})' if probe else ''}"
    for kind in told:
        what = kind.removesuffix("Probe")
        yield f"container {status['name']} runs, its {what} probe ({_asked(spec[kind])}) fails: {failed[kind]}"


def _failed_probes(pod: Obj, container: str, picture: Picture) -> Iterator[tuple[str, str]]:
    """The probe and what came of it, the newest last."""
    for event in picture.events(pod):
        path = (event.get("involvedObject") or {}).get("fieldPath") or ""
        if event.get("reason") != "Unhealthy" or (path and f"{{{container}}}" not in path):
            continue
        if (match := _UNHEALTHY.search(event.get("message") or "")) is not None:
            yield f"{match[1].lower()}Probe", match[3].strip() or "no answer"


def _asked(probe: Obj) -> str:
    """What a probe asks: ``GET :8080/healthz``."""
    if http := probe.get("httpGet"):
        server = f"{(http.get('scheme') or 'HTTP').lower()}://{http.get('host') or ''}:{http['port']}"
        return f"GET {server}{http.get('path') or '/'}"
    if tcp := probe.get("tcpSocket"):
        return f"TCP :{tcp['port']}"
    if grpc := probe.get("grpc"):
        return f"gRPC :{grpc['port']}"
    return f"exec {' '.join((probe.get('exec') or {}).get('command') or ())}"


def images(pod: Obj, picture: Picture) -> Iterator[Finding]:
    """The images that cannot be had, each once."""
    specs = {each["name"]: each for field in ("initContainers", "containers") for each in pod["spec"].get(field) or ()}
    seen: set[str] = set()
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        image = str((specs.get(status["name"]) or {}).get("image") or status.get("image") or "")
        if waiting.get("reason") in _PULLING and image not in seen:
            seen.add(image)
            yield Finding(f"image {image}", tuple(_pulling(pod, image, waiting, picture)))


def _pulling(pod: Obj, image: str, waiting: Obj, picture: Picture) -> Iterator[str]:
    failures = [event.get("message") or "" for event in picture.events(pod) if event.get("reason") == "Failed"]
    why = next((text for text in reversed(failures) if image in text), waiting.get("message") or "")
    yield why or str(waiting.get("reason"))
    if waiting.get("reason") == "ErrImageNeverPull":
        yield "is not on the node, and imagePullPolicy is Never"
        return
    for pattern, hint in _HINTS:
        if pattern.search(why):
            yield hint
            break
    if re.search(r"unauthorized|denied|forbidden|401|403", why, re.I):
        secrets = [each.get("name") or "" for each in pod["spec"].get("imagePullSecrets") or ()]
        yield f"imagePullSecrets: {', '.join(secrets) or 'none'}"
