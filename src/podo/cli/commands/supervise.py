"""``podo supervise``: the process that ``podo up`` leaves behind; it keeps a cluster's components running."""

from __future__ import annotations

import argparse

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, CommandFailed
from podo.cluster.components import components
from podo.cluster.config import Config
from podo.cluster.lock import AlreadyHeld, held
from podo.cluster.supervisor import Supervisor
from podo.runtime import log
from podo.runtime.clock import SystemClock


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)


def run(options: argparse.Namespace) -> None:
    supervise(cluster_option.existing(options))


def supervise(config: Config) -> None:
    """Keep the cluster running until SIGTERM or SIGINT."""
    log.configure()
    try:
        with held(config.layout.lock):
            Supervisor(components(config), config.layout.state, SystemClock()).run()
    except AlreadyHeld as failure:
        raise CommandFailed(FAILURE, f"cluster {config.name} has a supervisor already") from failure
