"""What ``lifecycle.decide`` may ask the agent to do. Values; each has a ``key``, and one instruction a key is in work
at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from podo.node.backoff import BackOff
from podo.node.memory import Waiting


@dataclass(frozen=True, slots=True)
class PrepareVolumes:
    """Make the pod's directories, cgroup and volumes."""

    key: str = "volumes"


@dataclass(frozen=True, slots=True)
class RunSandbox:
    attempt: int
    key: str = "sandbox"


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Pull the image if need be, create, start, and run the postStart hook."""

    name: str
    attempt: int
    back_off: BackOff | None = None  # what holds from this attempt on
    key: str = "start"


@dataclass(frozen=True, slots=True)
class StopContainer:
    """preStop hook, SIGTERM, and SIGKILL when ``grace`` seconds are over. ``message`` is told as an Event."""

    container_id: str
    name: str
    grace: float
    message: str
    hook: bool = True
    comes_again: bool = False  # to be started again whatever the restart policy says of its end

    @property
    def key(self) -> str:
        return f"stop/{self.container_id}"


@dataclass(frozen=True, slots=True)
class PreStop:
    """Of a sidecar in a pod that ends: told, and its preStop hook run, long before its SIGTERM."""

    container_id: str
    name: str
    grace: float
    message: str

    @property
    def key(self) -> str:
        return f"pre-stop/{self.container_id}"


@dataclass(frozen=True, slots=True)
class ResizePod:
    """Give these running containers (ids) what they were granted, and the pod's cgroup what they need together."""

    containers: tuple[str, ...]
    key: str = "resize"


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    container_id: str

    @property
    def key(self) -> str:
        return f"remove/{self.container_id}"


@dataclass(frozen=True, slots=True)
class StopSandbox:
    sandbox_id: str

    @property
    def key(self) -> str:
        return f"stop-sandbox/{self.sandbox_id}"


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    """Remove a sandbox and all containers in it."""

    sandbox_id: str

    @property
    def key(self) -> str:
        return f"remove-sandbox/{self.sandbox_id}"


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Unmount and remove what the machine holds for the pod. ``everything``: logs and directories too."""

    everything: bool
    key: str = "clean"


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Tell the API that nothing is left: DELETE with grace 0 and the uid as precondition."""

    key: str = "delete"


Instruction = (
    PrepareVolumes
    | RunSandbox
    | StartContainer
    | StopContainer
    | PreStop
    | ResizePod
    | RemoveContainer
    | StopSandbox
    | RemoveSandbox
    | CleanUp
    | DeletePod
)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a pod is being ended. ``remove``: nothing of it shall be left; else its containers stay for their logs."""

    grace: float
    remove: bool
    reason: str = ""  # the pod's status.reason: DeadlineExceeded, Evicted
    message: str = ""


@dataclass(slots=True)
class Plan:
    """What to do now, when to look again (wall seconds), and why containers wait."""

    instructions: list[Instruction] = field(default_factory=list)
    check_at: float | None = None
    waiting: dict[str, Waiting] = field(default_factory=dict)
    ending: Ending | None = None
    done: bool = False

    def again(self, at: float) -> None:
        self.check_at = at if self.check_at is None else min(self.check_at, at)
