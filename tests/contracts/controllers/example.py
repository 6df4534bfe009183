"""An example of a controller's work: what there is, what a user then does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj


@dataclass(frozen=True, slots=True)
class Put:
    """A new object; its status, where it has one, is written after it."""

    obj: Obj


@dataclass(frozen=True, slots=True)
class Change:
    """A merge patch."""

    kind: str
    name: str
    patch: Any
    namespace: str = "default"
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Remove:
    kind: str
    name: str
    namespace: str = "default"
    propagation: str = "Background"


@dataclass(frozen=True, slots=True)
class Pass:
    """Time."""

    seconds: float


Step = Put | Change | Remove | Pass


@dataclass(frozen=True, slots=True)
class Example:
    """``controller`` is at work while the ``steps`` are taken, each after everything has come to rest.

    ``touches``: the kinds that it may write, all of them. ``shows``, ``hides``: regular expressions of which each is
    found in some object (in none) at the end, so that an example of nothing cannot pass. ``beside``: other controllers,
    undisturbed. ``kubelet``: pods run and end. ``varies``: a regular expression of what a crash may change, upstream
    as here. ``always``: what holds of all objects after each write of the controller (its docstring says what).
    """

    controller: str
    steps: tuple[Step, ...]
    touches: frozenset[str]
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    kubelet: bool = False
    varies: str = "(?!)"
    always: Callable[[list[Obj]], bool] | None = None
