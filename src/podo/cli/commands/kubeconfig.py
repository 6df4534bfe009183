"""``podo kubeconfig``: print the administrator's kubeconfig, or merge it into a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, CommandFailed
from podo.cli.output.progress import done
from podo.cluster import kubeconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument(
        "--merge", action="store_true", help="merge into $KUBECONFIG or ~/.kube/config instead of printing"
    )
    parser.add_argument("--kubeconfig", type=Path, help="the file to merge into")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.existing(options)
    if not (options.merge or options.kubeconfig):
        sys.stdout.write(kubeconfig.render(config).decode())
        return
    path = options.kubeconfig or kubeconfig.user_path()
    try:
        kubeconfig.merge(config, path)
    except kubeconfig.KubeconfigProblem as problem:
        raise CommandFailed(FAILURE, str(problem)) from problem
    done(f"context {config.context} is in {path}")
