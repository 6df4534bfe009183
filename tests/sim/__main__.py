"""Many simulated worlds: ``python -m tests.sim --worlds 10000`` (``make sim``). A failing seed is told with its story,
and ``--seed N`` tells it again."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from tests.sim.story import tell

#: Seeds handed to a process at a time.
SHARE = 20


def _all(seeds: range, processes: int) -> Iterator[tuple[int, list[str], list[str]]]:
    if processes == 1:
        yield from map(tell, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=SHARE) as pool:
        yield from pool.imap_unordered(tell, seeds, chunksize=SHARE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one only, with its story")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.worlds)
    if options.seed is not None:
        seeds, options.processes = range(options.seed, options.seed + 1), 1
    began, failed = time.monotonic(), []
    for number, (seed, found, told) in enumerate(_all(seeds, options.processes), 1):
        if found:
            failed.append(seed)
        if found or options.seed is not None:
            print(f"seed {seed}: {'; '.join(found[:5]) or 'good'}\n  " + "\n  ".join(told), flush=True)
        if number % 100 == 0:
            print(f"{number} worlds, {len(failed)} failed, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(seeds)} worlds, {len(failed)} failed {failed[:20]}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
