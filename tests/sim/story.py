"""A random story of a cluster, told by its seed: workloads come, change and go while machines, networks and the whole
control plane fail. At the end everything is mended and ``laws`` says whether the cluster has come to what was asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from podo.api.errors import ApiError
from podo.api.meta import name_of
from podo.lab import Faults, World
from podo.runtime.chance import Chance
from tests.sim import laws
from tests.sim.workloads import BYSTANDERS, DOOMED, WORKLOADS, bystanders, doomed, service

Obj = dict[str, Any]

#: Virtual seconds that the cluster has to come to rest when all is mended, and for which it must then stay at rest.
MEND_SECONDS, REST_SECONDS = 3600.0, 600.0
STEPS = (3, 10)


class Story:
    """One seed's story. ``run`` tells it to its end and returns what is wrong then, and the state it came to."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.told: list[str] = []
        self._chance = Chance(f"sim/{seed}")
        self._worlds = ExitStack()
        self._off: set[str] = set()
        self._apart: set[str] = set()
        self._made = 0

    def run(self) -> tuple[list[str], str]:
        """Violations of the laws ([] is good), and a digest of all objects: the same for the same seed."""
        with self._worlds:
            nodes = self._between(1, 4)
            self._world = self._worlds.enter_context(World(nodes=nodes, seed=self.seed))
            self._world.apply(bystanders())
            self._world.settle()
            untouched = laws.revisions(self._world, BYSTANDERS)
            self._break()
            for _ in range(self._between(*STEPS)):
                self._step()
                self._world.advance(self._chance.fraction() * 40)
            self._mend()
            found = laws.reached(self._world, MEND_SECONDS)
            if not found:
                found = laws.at_rest(self._world, REST_SECONDS)
            found += laws.changed(self._world, BYSTANDERS, untouched)
            return found, laws.digest(self._world)

    # -- chance ------------------------------------------------------------------------------------------------------

    def _between(self, least: int, most: int) -> int:
        return least + int(self._chance.fraction() * (most - least + 1))

    def _one_of(self, things: list[Any]) -> Any:
        return things[int(self._chance.fraction() * len(things))] if things else None

    def _tell(self, what: str) -> None:
        self.told.append(f"{self._world.now:.0f} {what}")

    # -- what happens ------------------------------------------------------------------------------------------------

    def _break(self) -> None:
        """Faults for as long as the story lasts; a third of the stories has none."""
        if self._chance.fraction() < 0.33:
            return
        share = self._chance.fraction
        faults = Faults(watch_lag=2 * share(), latency=0.2 * share(), errors=0.15 * share(), losses=0.15 * share())
        faults.lost_requests = 0.1 * share()
        self._apply_faults(faults)
        self._tell(f"faults {faults}")

    def _apply_faults(self, faults: Faults) -> None:
        for name in ("watch_lag", "latency", "errors", "losses", "lost_requests"):
            setattr(self._world.faults, name, getattr(faults, name))

    def _mend(self) -> None:
        self._apply_faults(Faults())
        for name in sorted(self._off):
            self._world.start_node(name)
        for name in sorted(self._apart):
            self._world.reconnect(name)

    def _step(self) -> None:
        steps: list[Callable[[], None]] = [
            self._create,
            self._create,
            self._create,
            self._change,
            self._change,
            self._delete,
            self._lose_a_pod,
            self._lose_a_node,
            self._cut_off_a_node,
            self._crash,
            self._doom_a_namespace,
        ]
        try:
            self._one_of(steps)()
        except ApiError as error:
            if error.reason not in ("NotFound", "Conflict", "AlreadyExists"):
                raise

    def _create(self) -> None:
        self._made += 1
        kind = self._one_of(sorted(WORKLOADS))
        name = f"{kind.lower()}-{self._made}"
        self._tell(f"create {name}")
        self._world.apply(WORKLOADS[kind].make(name, self._between(0, 5), self._chance))
        if self._chance.fraction() < 0.4:
            self._world.apply(service(name))

    def _present(self) -> list[tuple[str, Obj]]:
        return [
            (kind, obj)
            for kind in sorted(WORKLOADS)
            for obj in self._world.list(kind, "default")
            if not obj["metadata"].get("ownerReferences") and "deletionTimestamp" not in obj["metadata"]
        ]

    def _change(self) -> None:
        chosen = self._one_of(self._present())
        if chosen is None or (change := WORKLOADS[chosen[0]].change) is None:
            return
        kind, obj = chosen
        patch = change(obj, self._between(0, 6), self._chance)
        self._tell(f"change {name_of(obj)}: {patch}")
        self._world.run(self._world.client.patch(kind, name_of(obj), "default", patch=patch))

    def _delete(self) -> None:
        if (chosen := self._one_of(self._present())) is None:
            return
        kind, obj = chosen
        propagation = self._one_of(["Background", "Foreground", "Foreground"])
        self._tell(f"delete {name_of(obj)} {propagation}")
        self._world.delete(kind, name_of(obj), propagation=propagation)

    def _lose_a_pod(self) -> None:
        if (pod := self._one_of(self._world.pods("default"))) is not None:
            self._tell(f"delete pod {name_of(pod)}")
            self._world.delete("Pod", name_of(pod), grace_seconds=self._one_of([None, 0, 5]))

    def _lose_a_node(self) -> None:
        if self._off:
            name = self._off.pop()
            self._tell(f"start {name}")
            self._world.start_node(name)
            return
        names = sorted(self._world.simulation.nodes.keys() - self._apart)
        if len(names) > 1:
            self._off.add(name := self._one_of(names))
            self._tell(f"kill {name}")
            self._world.kill_node(name)

    def _cut_off_a_node(self) -> None:
        if self._apart:
            name = self._apart.pop()
            self._tell(f"reconnect {name}")
            self._world.reconnect(name)
            return
        names = sorted(self._world.simulation.nodes.keys() - self._off)
        if len(names) > 1:
            self._apart.add(name := self._one_of(names))
            self._tell(f"cut off {name}")
            self._world.cut_off(name)

    def _crash(self) -> None:
        """Every process ends in the midst of what it does, and is started again; what was acknowledged is kept."""
        self._tell("crash")
        self._apart.clear()  # in the restarted cluster nobody is cut off
        self._world = self._worlds.enter_context(self._world.fork())

    def _doom_a_namespace(self) -> None:
        self._tell("doom a namespace")
        if not any(name_of(each) == DOOMED for each in self._world.list("Namespace")):
            self._world.apply(doomed())
            self._world.advance(self._chance.fraction() * 10)
        self._world.delete("Namespace", DOOMED, namespace="")


def tell(seed: int) -> tuple[int, list[str], list[str]]:
    """The seed, what is wrong, and its story."""
    logging.disable(logging.CRITICAL)
    story = Story(seed)
    try:
        found, _ = story.run()
    except Exception as error:  # a bug, with the seed that shows it
        found = [f"{type(error).__name__}: {error}"]
    return seed, found, story.told
