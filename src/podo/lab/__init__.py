"""A whole cluster inside a test, in virtual time.

from podo.lab import World

def test_rollout():
    with World(nodes=3, seed=1) as world:
        world.apply("deployment.yaml")
        world.wait_for("Deployment", "web", condition="Available")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podo.lab.faults import Faults
    from podo.lab.simulation import Simulation
    from podo.lab.virtualtime import run
    from podo.lab.waiting import NotReached
    from podo.lab.world import World

__all__ = ["Faults", "NotReached", "Simulation", "World", "run"]

#: Where each name is: imported when it is first asked for, so that having podo installed costs other tests nothing.
_WHERE = {
    "Faults": "podo.lab.faults",
    "NotReached": "podo.lab.waiting",
    "Simulation": "podo.lab.simulation",
    "World": "podo.lab.world",
    "run": "podo.lab.virtualtime",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
