"""``podo logs [COMPONENT]``: what a component has logged; all of them where none is named.

The audit log lies there too, as lines of JSON: ``podo logs audit`` shows it, ``podo logs`` leaves it out."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import deque
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import NOT_FOUND, CommandFailed

AUDIT = "audit"


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument(
        "component", nargs="?", help="supervisor, server, node-1, containerd-node-1, audit ... (default: all but audit)"
    )
    parser.add_argument("--tail", type=int, default=0, metavar="N", help="only the last N lines of each (default: all)")


def run(options: argparse.Namespace) -> None:
    layout = cluster_option.existing(options).layout
    there = sorted(path.stem for path in layout.logs.glob("*.log"))
    wanted = [options.component] if options.component else [name for name in there if name != AUDIT]
    for name in wanted:
        if name not in there:
            raise CommandFailed(NOT_FOUND, f"no component {name!r}", f"one of: {', '.join(there)}")
        if not options.component:
            print(f"==> {name} <==", flush=True)
        _show(layout.log(name), options.tail)


def _show(path: Path, tail: int) -> None:
    with path.open(errors="replace") as log:
        if tail > 0:
            sys.stdout.writelines(deque(log, tail))
        else:
            shutil.copyfileobj(log, sys.stdout)
