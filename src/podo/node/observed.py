"""What the runtime has of one pod, frozen: the view that ``lifecycle`` and ``status`` decide from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podo.node.runtimes.contract import Container, Sandbox


@dataclass(frozen=True, slots=True)
class Seen:
    """One pod's sandboxes and containers, each with the newest attempt first."""

    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()

    @staticmethod
    def of(sandboxes: Iterable[Sandbox], containers: Iterable[Container]) -> Seen:
        return Seen(
            tuple(sorted(sandboxes, key=lambda s: (s.attempt, s.created_at), reverse=True)),
            tuple(sorted(containers, key=lambda c: (c.attempt, c.created_at), reverse=True)),
        )

    @property
    def sandbox(self) -> Sandbox | None:
        """The sandbox in which containers may be started: the newest, if it is ready."""
        if self.sandboxes and self.sandboxes[0].ready:
            return self.sandboxes[0]
        return None

    def newest(self, name: str) -> Container | None:
        """The last attempt of a container that got as far as running."""
        for container in self.containers:
            if container.name == name and container.state != "created":
                return container
        return None

    def before(self, container: Container) -> Container | None:
        """The dead attempt before ``container``."""
        for other in self.containers:
            if other.name == container.name and other.id != container.id and is_dead(other):
                return other
        return None

    def container(self, container_id: str) -> Container | None:
        for container in self.containers:
            if container.id == container_id:
                return container
        return None

    @property
    def alive(self) -> list[Container]:
        return [container for container in self.containers if container.state in ("running", "unknown")]


def is_dead(container: Container) -> bool:
    return container.state == "exited"
