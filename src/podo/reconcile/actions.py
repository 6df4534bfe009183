"""What a controller may want. Actions are values; ``reconcile.runner`` carries them out, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``obj``. AlreadyExists is a failure of the pass: look again with a fresh cache."""

    obj: Obj


@dataclass(frozen=True, slots=True)
class Update:
    """Replace ``obj`` at its resourceVersion."""

    obj: Obj


@dataclass(frozen=True, slots=True)
class Patch:
    """Patch ``obj`` (its kind, namespace and name are read). ``patch`` in the form of ``type``: json, merge or strategic."""

    obj: Obj
    patch: Any
    type: str = "merge"
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete ``obj``, this one and no successor of the same name (uid precondition). NotFound is success."""

    obj: Obj
    propagation: str = ""
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Write ``status`` of ``obj`` where it differs from what ``obj`` has; nothing is sent where it does not."""

    obj: Obj
    status: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tell:
    """Record an Event about ``obj``. ``type``: Normal or Warning."""

    obj: Obj
    reason: str
    message: str
    type: str = "Normal"


@dataclass(frozen=True, slots=True)
class CheckAgain:
    """Run this key again after so many seconds, whatever happens before."""

    after_seconds: float


Action = Create | Update | Patch | Delete | SetStatus | Tell | CheckAgain
