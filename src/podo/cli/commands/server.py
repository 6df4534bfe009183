"""``podo server``: the control plane's process (started by the supervisor)."""

from __future__ import annotations

import argparse

from podo.cli import cluster_option


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)


def run(options: argparse.Namespace) -> None:
    from podo.cluster.server import serve

    serve(cluster_option.existing(options))
