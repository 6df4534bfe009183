"""``python -m bench [--only NAME] [--json FILE]``: every figure, one family after the other."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

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
            for figure in importlib.import_module(f"bench.{family}").measure():
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What podo costs, beside its floors.")
    parser.add_argument("--only", action="append", choices=FAMILIES, metavar="NAME", help=", ".join(FAMILIES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
