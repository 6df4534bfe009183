"""``podo node``: one node's process (started by the supervisor)."""

from __future__ import annotations

import argparse

from podo.cli import cluster_option


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("--node-name", required=True)


def run(options: argparse.Namespace) -> None:
    from podo.cluster.node import serve

    serve(cluster_option.existing(options), options.node_name)
