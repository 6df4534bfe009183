"""``podo logs [COMPONENT]``: what a component has logged; all of them where none is named."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import deque
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import NOT_FOUND, CommandFailed


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("component", nargs="?", help="supervisor, server, node-1, containerd-node-1 ... (default: all)")
    parser.add_argument("--tail", type=int, default=0, metavar="N", help="only the last N lines of each (default: all)")


def run(options: argparse.Namespace) -> None:
    layout = cluster_option.existing(options).layout
    there = sorted(path.stem for path in layout.logs.glob("*.log"))
    wanted = [options.component] if options.component else there
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
