"""What the supervisor says of itself and its components: a file that ``podo status`` reads and the next supervisor
adopts from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from podo.cluster.layout import write_atomically
from podo.cluster.process import ProcessId


@dataclass(frozen=True, slots=True)
class ComponentState:
    """``state``: waiting, starting, ready, failed (will be started again), stopped. Times are wall seconds."""

    name: str
    state: str = "waiting"
    since: float = 0.0
    pid: int = 0
    started: int = 0  # see ProcessId
    restarts: int = 0
    exit: str = ""  # how it last ended
    argv: tuple[str, ...] = ()

    @property
    def process(self) -> ProcessId | None:
        return ProcessId(self.pid, self.started) if self.pid else None

    def seen(self) -> ComponentState:
        """The same, corrected by what is true now: a process that is gone is not ready."""
        process = self.process
        return replace(self, state="gone") if process and not process.alive else self


@dataclass(frozen=True, slots=True)
class State:
    pid: int = 0
    started: int = 0
    since: float = 0.0
    components: list[ComponentState] = field(default_factory=list)

    @property
    def supervisor(self) -> ProcessId | None:
        return ProcessId(self.pid, self.started) if self.pid else None

    @property
    def running(self) -> bool:
        process = self.supervisor
        return process is not None and process.alive

    @property
    def ready(self) -> bool:
        return self.running and all(component.seen().state == "ready" for component in self.components)

    def component(self, name: str) -> ComponentState | None:
        return next((component for component in self.components if component.name == name), None)


def save(path: Path, state: State) -> None:
    write_atomically(path, json.dumps(asdict(state)).encode())


def load(path: Path) -> State:
    """The last written state; an empty one where there is none (or it is damaged: then nothing can be adopted)."""
    try:
        document = json.loads(path.read_bytes())
        components = [ComponentState(**{**c, "argv": tuple(c["argv"])}) for c in document.pop("components")]
        return State(**document, components=components)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return State()
