"""The options with which every verb names its cluster, and how it is found."""

from __future__ import annotations

import argparse
from pathlib import Path

from podo.cli.errors import NOT_FOUND, NOT_RUNNING, PRECONDITION, CommandFailed
from podo.cluster import state
from podo.cluster.config import Config, ConfigProblem, load
from podo.cluster.layout import default_data_dir


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="default", help="the cluster's name (default: %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="where the cluster keeps its files (default: by name)")


def data_dir(options: argparse.Namespace) -> Path:
    directory: Path = options.data_dir or default_data_dir(options.name)
    return directory.absolute()


def configured(options: argparse.Namespace) -> Config | None:
    """The cluster's configuration, None where there is no such cluster."""
    try:
        return load(data_dir(options))
    except ConfigProblem as problem:
        raise CommandFailed(PRECONDITION, str(problem), "podo down --purge") from problem
    except PermissionError as failure:
        raise CommandFailed(
            PRECONDITION, f"cannot read {failure.filename}", "run as the user who started the cluster"
        ) from failure


def existing(options: argparse.Namespace) -> Config:
    config = configured(options)
    if config is None:
        raise CommandFailed(NOT_FOUND, f"no cluster in {data_dir(options)}", "podo up")
    return config


def running(options: argparse.Namespace) -> Config:
    config = existing(options)
    if not state.load(config.layout.state).running:
        raise CommandFailed(NOT_RUNNING, f"cluster {config.name} is not running", f"podo up --name {config.name}")
    return config
