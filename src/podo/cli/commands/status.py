"""``podo status``: each component with its process, its state and since when."""

from __future__ import annotations

import argparse

from podo.cli import cluster_option
from podo.cli.errors import NOT_RUNNING, CommandFailed
from podo.cli.output.columns import age, table
from podo.cluster import state
from podo.cluster.config import Config
from podo.runtime.clock import SystemClock


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.existing(options)
    now = state.load(config.layout.state)
    if options.output == "json":
        _print_json(config, now)
    else:
        _print_text(config, now)
    if not now.running:
        raise CommandFailed(NOT_RUNNING, f"cluster {config.name} is not running", f"podo up --name {config.name}")


def _rows(now: state.State) -> list[state.ComponentState]:
    word = "ready" if now.pid else "stopped"
    supervisor = state.ComponentState("supervisor", word, now.since, now.pid, now.started)
    return [component.seen() for component in [supervisor, *now.components]]


def _print_json(config: Config, now: state.State) -> None:
    import json

    from podo.values import timestamp

    components = [
        {"name": c.name, "pid": c.pid, "state": c.state, "since": timestamp.time(c.since), "restarts": c.restarts}
        for c in _rows(now)
    ]
    facts = {"name": config.name, "server": config.server_url, "dataDir": config.data_dir, "runtime": config.runtime}
    facts["podManifestPath"] = str(config.manifests("NODE"))
    print(json.dumps({**facts, "running": now.running, "ready": now.ready, "components": components}, indent=2))


def _print_text(config: Config, now: state.State) -> None:
    clock = SystemClock().now()
    nodes = f"{config.nodes} {config.runtime} node(s)"
    print(f"cluster {config.name}: {config.server_url}, {nodes}, data in {config.data_dir}")
    print(f"static pods: manifests in {config.manifests('NODE')}")
    rows = [(c.name, c.pid or "-", c.state, age(clock - c.since), c.restarts, c.exit) for c in _rows(now)]
    print(table(("COMPONENT", "PID", "STATE", "SINCE", "RESTARTS", "LAST EXIT"), rows))
