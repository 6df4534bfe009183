"""``podo image load|list|rm``: images of a cluster's nodes."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, NOT_FOUND, PRECONDITION, CommandFailed
from podo.cli.output.columns import table
from podo.cli.output.progress import step
from podo.cluster import realnode
from podo.cluster.config import Config


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    load = actions.add_parser("load", help="load OCI or Docker archives into every node")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    cluster_option.add(load)
    cluster_option.add(actions.add_parser("list", help="list the images of every node"))
    remove = actions.add_parser("rm", help="remove images from every node, unless they are in use")
    remove.add_argument("names", nargs="+", metavar="NAME")
    cluster_option.add(remove)


def run(options: argparse.Namespace) -> None:
    config = cluster_option.running(options)
    if config.runtime != "containerd":
        raise CommandFailed(
            PRECONDITION, "simulated nodes have no images and need none", "podo up --runtime containerd"
        )
    if options.action == "load":
        _load(config, options.files)
    elif options.action == "rm":
        _remove(config, options.names)
    else:
        _list(config)


def _load(config: Config, files: list[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise CommandFailed(NOT_FOUND, f"no file {file}", "make images")
    for name in config.node_names:
        for file in files:
            try:
                loaded = asyncio.run(realnode.load_image(config, name, file.absolute()))
            except realnode.ImageProblem as problem:
                raise CommandFailed(FAILURE, f"{file}: {problem}") from problem
            step(f"{name}: {', '.join(loaded)}")


def _remove(config: Config, names: list[str]) -> None:
    """From every node that has it. What is in use on a node stops there: nothing more is removed."""
    absent = set(names)
    for node in config.node_names:
        try:
            removed = asyncio.run(realnode.remove_images(config, node, names))
        except realnode.ImageProblem as problem:
            raise CommandFailed(PRECONDITION, f"{node}: {problem}", "kubectl get pods -A -o wide") from problem
        absent -= removed.keys()
        if removed:
            step(f"{node}: removed {', '.join(dict.fromkeys(tag for tags in removed.values() for tag in tags))}")
    if absent:
        raise CommandFailed(NOT_FOUND, f"no node has {', '.join(sorted(absent))}", "podo image list")


def _list(config: Config) -> None:
    rows = []
    for name in config.node_names:
        for image in asyncio.run(realnode.list_images(config, name)):
            rows += [(name, reference, image.id[7:19], f"{image.size / 1e6:.1f} MB") for reference in image.names]
    print(table(("NODE", "IMAGE", "ID", "SIZE"), sorted(rows)))
