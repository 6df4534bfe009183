"""``World``: a cluster for one test, in plain synchronous calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from podo.api.kind import Obj
from podo.client.contract import Client
from podo.http.message import Handler
from podo.lab.faults import Faults
from podo.lab.manifests import Manifest
from podo.lab.simulation import Simulation
from podo.lab.virtualtime import START, VirtualTimeLoop
from podo.lab.waiting import is_not_yet
from podo.runtime.garbage import Sparing

T = TypeVar("T")
Objects = list[Obj]


class World:
    """A whole cluster inside this process, in virtual time: API server, controllers, scheduler and nodes, all real;
    only the containers pretend to run.

        from podo.lab import World

        def test_rollout():
            with World(nodes=3, seed=1) as world:
                world.apply("deployment.yaml")                            # a path, YAML text, or dicts
                world.wait_for("Deployment", "web", condition="Available")
                world.kill_node("node-1")
                world.advance(600)                                        # ten minutes, in no time
                assert all(p["spec"]["nodeName"] != "node-1" for p in world.pods(labels="app=web"))

    Time stands still between two calls and jumps within them: an hour costs what happens in it. Where a test waits
    too long, the failure says what is pending and why, and the seed. The same seed and calls give the same run.

    ``nodes``: how many, named ``node-0`` and so on, each with 32 CPUs, 256 GiB and room for 110 pods. ``start``: the
    time at which the world begins, seconds since the epoch. ``faults``: what goes wrong between the API server and the
    others (``Faults``); may be changed later through ``world.faults``. ``checked``: find controllers that change what
    they may only read (costs about a tenth).

    Pods behave as their annotations say: ``podo.dev/run-seconds``, ``podo.dev/exit-code``, ``podo.dev/ready-after``
    and others (see ``podo.node.runtimes.simulated`` and ``podo.node.imagined``), or as ``stages`` say: a file or
    directory of stages, their text, or the name of an example: ``fast``, ``realistic``, ``flaky`` (the format:
    ``podo.node.stages.reading``).

    Inside of a coroutine use ``async with World(...) as world``: the same methods, to be awaited (``podo.lab.run``
    runs a coroutine in virtual time).
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        seed: int | str = 0,
        start: float = START,
        faults: Faults | None = None,
        checked: bool = True,
        stages: Path | str | bytes | None = None,
    ) -> None:
        self._options: dict[str, Any] = {
            "nodes": nodes,
            "seed": seed,
            "start": start,
            "faults": faults,
            "checked": checked,
            "stages": stages,
        }
        self._ends = ExitStack()
        self._runner: asyncio.Runner | None = None
        self._simulation: Simulation | None = None

    # Life

    def __enter__(self) -> World:
        with ExitStack() as ends:
            ends.enter_context(Sparing())
            self._runner = ends.enter_context(asyncio.Runner(loop_factory=VirtualTimeLoop))
            self._simulation = self._run(_started(self._options))
            self._ends = ends.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        with self._ends:
            try:
                self._run(self.simulation.stop())
            finally:
                self._runner = self._simulation = None

    async def __aenter__(self) -> Simulation:
        self._simulation = await _started(self._options)
        return self._simulation

    async def __aexit__(self, *_: object) -> None:
        await self.simulation.stop()

    def fork(self) -> World:
        """A second, independent world that goes on from this one's present state, as if every process of the cluster
        had just been restarted (containers keep running). Keep a fork to come back to a moment:

            with world.fork() as other:
                other.kill_node("node-0")       # ``world`` knows nothing of it
        """

        async def options() -> dict[str, Any]:
            return self.simulation.fork()

        forked = World()
        forked._options = self._run(options())
        return forked

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            work.close()
            raise RuntimeError("this World does not run: use it in a `with` block")
        # Not Runner.run: it looks after SIGINT anew each time, which costs more than most looks at a world.
        return self._runner.get_loop().run_until_complete(work)

    @property
    def simulation(self) -> Simulation:
        """The same cluster with methods to be awaited."""
        if self._simulation is None:
            raise RuntimeError("this World does not run: use it in a `with` block")
        return self._simulation

    # Objects

    def apply(self, manifest: Manifest, namespace: str = "default") -> Objects:
        """Create what ``manifest`` holds (a path, YAML text, a dict, or several), or merge it into what is there."""
        return self._run(self.simulation.apply(manifest, namespace))

    def get(self, kind: str, name: str, namespace: str = "default") -> Obj:
        """One object; ApiError (NotFound) where there is none. Kinds as in kubectl: ``Deployment``, ``deploy``."""
        return self._run(self.simulation.get(kind, name, namespace))

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        """All objects of a kind; of one namespace, and with labels such as ``app=web,tier!=db``, where given."""
        return self._run(self.simulation.list(kind, namespace, labels))

    def pods(self, namespace: str | None = None, labels: str = "") -> Objects:
        return self.list("Pod", namespace, labels)

    def delete(self, kind: str, name: str, namespace: str = "default", **options: Any) -> None:
        """``options``: ``propagation`` ("Foreground", "Background", "Orphan"), ``grace_seconds``."""
        self._run(self.simulation.delete(kind, name, namespace, **options))

    def scale(self, kind: str, name: str, replicas: int, namespace: str = "default") -> None:
        self._run(self.simulation.scale(kind, name, replicas, namespace))

    def events(self, about: str = "", namespace: str | None = None) -> Objects:
        """Events, oldest first; ``about``: only on objects whose name begins so."""
        return self._run(self.simulation.events(about, namespace))

    @property
    def client(self) -> Client:
        """A ``podo.client.contract.Client`` who may do everything, not touched by faults. Use it with ``run``."""
        return self.simulation.client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine inside of the world: ``world.run(world.client.get("Pod", "web", "default"))``."""
        return self._run(work)

    def serve(self, host: str, handler: Handler) -> None:
        """Let ``handler`` answer the webhooks at ``host``: ``hook.default.svc`` for the Service ``hook`` of namespace
        ``default``, or the host of a webhook's URL. Nothing listens on a socket, and no certificate is needed."""
        self.simulation.serve(host, handler)

    # Nodes and faults

    def add_node(self, name: str = "") -> str:
        """One more node; its name. ValueError where there is one of the name, be it killed."""
        return self._run(self.simulation.add_node(name))

    def kill_node(self, name: str) -> None:
        """The machine is gone, from one moment to the next, with all that ran on it. Kubernetes has to find out."""
        self._run(self.simulation.kill_node(name))

    def start_node(self, name: str) -> None:
        """A killed node comes back, empty, as after a power cut."""
        self._run(self.simulation.start_node(name))

    def cut_off(self, name: str) -> None:
        """The node and its pods go on running but reach the API server no more, until ``reconnect``."""
        self._run(self.simulation.cut_off(name))

    def reconnect(self, name: str) -> None:
        self.simulation.reconnect(name)

    @property
    def faults(self) -> Faults:
        return self.simulation.faults

    # Time

    @property
    def now(self) -> float:
        """Wall time in the world, seconds since the epoch."""
        return self.simulation.now

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        self._run(self.simulation.advance(seconds))

    def settle(self, within: float = 600.0) -> None:
        """Let time pass until everything that reacts has reacted."""
        self._run(self.simulation.settle(within))

    def wait_until(self, condition: Callable[[], T], within: float = 60.0, what: str = "") -> T:
        """Let time pass until ``condition()`` is true; what it gave. ``within``: seconds of the world.

        "Not found" and lookups that fail (KeyError, IndexError, TypeError) count as "not yet".
        """
        moments = self.simulation.moments(within, what)
        while True:
            last: Exception | None = None
            try:
                if found := condition():
                    return found
            except Exception as error:
                if not is_not_yet(error):
                    raise
                last = error
            self._run(moments.pass_on(last))

    def wait_for(
        self, kind: str, name: str, *, condition: str = "Ready", within: float = 60.0, namespace: str = "default"
    ) -> Obj:
        """Wait until the object's condition (``Available``, ``Ready``) is True; ``delete``: until it is gone."""
        work = self.simulation.wait_for(kind, name, condition=condition, within=within, namespace=namespace)
        return self._run(work)

    def why(self) -> str:
        """Why things are pending, a line each."""
        return self._run(self.simulation.why())


async def _started(options: dict[str, Any]) -> Simulation:
    simulation = Simulation(**options)
    await simulation.start()
    return simulation
