"""How fast pods get nodes, in the cases of upstream's scheduler_perf: created, decided, bound and told through the API
server and a durable store in this process. Beside each the throughput that upstream's CI demands of it.

``python -m bench.scheduling TEXT ...`` measures the cases whose names contain one of the texts.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import schedulerpods as pods
from bench.cluster import running
from bench.figure import HEAD, Figure, Void, columns, lines
from bench.floors import floor
from bench.requests import Side
from bench.schedulercases import CASES, Case, Nodes
from bench.schedulerrun import Run, Spent, make_nodes
from podo.runtime.chance import Chance
from podo.scheduler import podinfo
from podo.scheduler.cycle import Cycle, Placement
from podo.scheduler.profile import default_profile
from podo.scheduler.snapshot import NodeInfo, Snapshot

#: Goals of our own, pods a second: decided, and decided and bound through the API.
DECIDED, BOUND = 5000, 1500
#: How fast the machine is, as a part of the reference machine.
Speed = Callable[[], float]


def measure(texts: tuple[str, ...] = (), share: float = 1.0) -> Iterator[Figure]:
    wanted = [case.scaled(share) for case in CASES if not texts or any(text in case.name for text in texts)]
    with _speed() as speed, tempfile.TemporaryDirectory(prefix="podo-bench-", dir="/tmp") as place:
        if not texts or "alone" in texts:
            yield _figure("decisions alone, 5000 nodes", DECIDED, _decided(5000, 10000), speed())
        if not texts or "waiting" in texts:
            case = replace(CASES[0], name="10000 waiting pods bound", demands=BOUND, before=())
            yield _run(case.scaled(share), Path(place), speed, True)
        for case in wanted:
            yield _run(case, Path(place), speed)


@contextmanager
def _speed() -> Iterator[Speed]:
    with running("simulated") as cluster, floor(cluster) as least:
        yield Side(least.pid, least.port, cluster.tls()).speed


def _run(case: Case, place: Path, speed: Speed, waiting: bool = False) -> Figure:
    with tempfile.TemporaryDirectory(dir=place) as directory:
        before = speed()
        spent = asyncio.run(Run(case, _nodes(case.nodes, place), Path(directory)).spent(waiting=waiting))
        return _figure(case.name, case.demands, spent, (before + speed()) / 2)


def _nodes(nodes: Nodes, place: Path) -> Path:
    """Each kind of cluster is made once."""
    path = place / f"{abs(hash(nodes))}.db"
    if not path.exists():
        asyncio.run(make_nodes(path, nodes))
    return path


def _figure(name: str, demanded: float, spent: Spent, speed: float) -> Figure:
    """By CPU time, since the machine may be shared; the rate by the clock is in the note."""
    each = spent.cpu / spent.pods
    demand = f" of {demanded:,.0f} demanded" if demanded else ""
    rates = f"here {1 / each:,.0f} by CPU, {spent.pods / spent.wall:,.0f} by the clock"
    if spent.sampled is not None:
        rates += f", {spent.sampled:,.0f} as upstream samples it"
    note = f"{1 / (each * speed):,.0f} pods/s at ref.{demand}; {rates}"
    target = 1e6 / demanded if demanded else None
    return Figure(name, each * 1e6, "us/pod", wall=spent.wall, cpu=spent.cpu, target=target, note=note, speed=speed)


def _decided(nodes: int, count: int) -> Spent:
    """Decisions alone: one after the other, each seeing the one before."""
    snapshot = Snapshot()
    for number in range(nodes):
        snapshot.set_node(NodeInfo.read(pods.node(f"node-{number}", "zone-0")))
    cycle, chance = Cycle(snapshot, default_profile()), Chance("bench")
    asked = [podinfo.read({**pods.plain("p", "p"), "metadata": {"name": f"p{n}", "uid": str(n)}}) for n in range(count)]
    wall, cpu = time.perf_counter(), time.process_time()
    for each in asked:
        placed = cycle.place(each, chance.below)
        if not isinstance(placed, Placement):
            raise Void(f"{each.name} was not placed")
        snapshot.add_pod(each, placed.node_name)
    return Spent(count, time.perf_counter() - wall, time.process_time() - cpu)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scheduling")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="cases whose names have it; alone, waiting")
    parser.add_argument("--share", type=float, default=1.0, help="of the nodes and pods of each case")
    return parser.parse_args()


if __name__ == "__main__":
    options = _options()
    print(columns(*HEAD))
    for figure in measure(tuple(options.texts), options.share):
        for line in lines([figure]):
            print(line, flush=True)
