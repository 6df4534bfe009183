"""``python -m bench [--only NAME] [--nodes N] [--pods N] [--json FILE]``: every figure, one family after the other."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import simulated
from bench.figure import HEAD, Figure, Void, columns, lines

#: Each is a module with ``measure() -> Iterator[Figure]``.
FAMILIES = ("start", "idle", "requests", "writes", "lists", "watches", "lifecycles", "simulated", "scheduling", "pods")


def main() -> int:
    options = _options()
    figures: list[Figure] = []
    void: dict[str, str] = {}
    print(columns(*HEAD))
    for family in options.only or FAMILIES:
        began = time.monotonic()
        try:
            for figure in _measure(family, options):
                figures.append(figure)
                for line in lines([figure]):
                    print(line, flush=True)
        except Void as why:
            void[family] = str(why)
            print(f"{family}: void: {why}", flush=True)
        print(f"  ({family}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    if options.json:
        document = {"figures": [figure.document() for figure in figures], "void": void}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if void else 0


def _measure(family: str, options: argparse.Namespace) -> Iterator[Figure]:
    if family == "simulated":
        return simulated.measure(simulated.Size(options.nodes, options.pods))
    figures: Iterator[Figure] = importlib.import_module(f"bench.{family}").measure()
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What podo costs, beside its floors.")
    parser.add_argument("--only", action="append", choices=FAMILIES, metavar="NAME", help=", ".join(FAMILIES))
    size = simulated.Size()
    parser.add_argument(
        "--nodes", type=int, default=size.nodes, metavar="N", help="of the family simulated (%(default)s)"
    )
    parser.add_argument(
        "--pods", type=int, default=size.pods, metavar="N", help="of the family simulated (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
