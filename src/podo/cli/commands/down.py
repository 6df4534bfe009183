"""``podo down``: stop a cluster and everything it runs; ``--purge`` removes its data and its kubeconfig context,
too."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, CommandFailed
from podo.cli.output.progress import done, step
from podo.cluster import kubeconfig, launch, reservations
from podo.cluster.config import Config
from podo.cluster.lock import held


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument(
        "--purge", action="store_true", help="remove the cluster's data and its kubeconfig context as well"
    )
    parser.add_argument("--kubeconfig", type=Path, help="the file that has the context")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.existing(options)
    with held(config.layout.run / "up.lock", wait=True):
        try:
            launch.stop(config, step)
        except OSError as failure:
            raise CommandFailed(FAILURE, f"could not stop everything: {failure}", "podo down again") from failure
        if options.purge:
            _purge(config, options.kubeconfig or kubeconfig.user_path())
    done(f"cluster {config.name} is {'removed' if options.purge else 'stopped; podo up starts it again'}")


def _purge(config: Config, path: Path) -> None:
    try:
        if kubeconfig.remove(config, path):
            step(f"context {config.context} is out of {path}")
    except kubeconfig.KubeconfigProblem as problem:
        step(f"the context stays in the kubeconfig: {problem}")
    shutil.rmtree(config.data_dir)
    if config.runtime == "containerd":
        reservations.release(config.data_dir)
