"""``podo certs``: when the cluster's certificates end, renewing them, and going over to another CA."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import NOT_FOUND, PRECONDITION, TIMEOUT, CommandFailed
from podo.cli.output.columns import age, table
from podo.cli.output.progress import done, step
from podo.cluster import carotation, certificates, kubeconfig, launch, renewal, state
from podo.cluster.config import Config
from podo.runtime.clock import SystemClock, pause
from podo.values import timestamp

#: For server and nodes to be started again.
PATIENCE_SECONDS = 60.0
_STEPS = ("begin", "switch", "finish")


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("action", choices=["list", "renew", "rotate-ca"])
    parser.add_argument("what", nargs="?", help=f"renew: which (default: all); rotate-ca: {', '.join(_STEPS)}")
    parser.add_argument("--kubeconfig", type=Path, help="the file that has the cluster's context")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.existing(options)
    if options.action == "list":
        _list(config, options.output)
    elif options.action == "renew":
        _renew(config, options.what)
        _refresh(config, options.kubeconfig)
    else:
        _rotate(config, options.what, options.kubeconfig)


def _list(config: Config, output: str) -> None:
    now, found = SystemClock().now(), list(renewal.found(config))
    if output == "json":
        shown = ((c, timestamp.time(c.ends)) for c in found)
        documents = [{"name": c.file, "user": c.user, "authority": c.authority, "notAfter": ends} for c, ends in shown]
        print(json.dumps(documents, indent=2))
        return
    rows = [(c.file, c.user, c.authority, timestamp.time(c.ends), age(c.ends - now)) for c in found]
    print(table(("CERTIFICATE", "USER", "AUTHORITY", "ENDS", "LEFT"), rows))
    if stage := carotation.stage(config):
        step(f"the rotation of the CA has come to: {stage}")


def _renew(config: Config, what: str | None) -> None:
    known = certificates.identities(config)
    wanted = [identity for identity in known if what in (None, identity.file)]
    if not wanted:
        names = ", ".join(identity.file for identity in known)
        raise CommandFailed(NOT_FOUND, f"there is no certificate {what}: {names}", "podo certs list")
    files = renewal.renew(config, SystemClock(), wanted)
    done(f"renewed: {', '.join(files)}; running processes take them up within a minute")


def _refresh(config: Config, given: Path | None) -> None:
    """The user's kubeconfig has the CA and the administrator's certificate in it."""
    path = given or kubeconfig.user_path()
    try:
        if kubeconfig.refresh(config, path):
            step(f"context {config.context} is refreshed in {path}")
    except kubeconfig.KubeconfigProblem as problem:
        step(f"the kubeconfig stays as it is: {problem}")


def _rotate(config: Config, what: str | None, path: Path | None) -> None:
    clock = SystemClock()
    try:
        if what == "begin":
            carotation.begin(config, clock)
        elif what == "switch":
            carotation.switch(config, clock)
        elif what == "finish":
            carotation.finish(config)
        else:
            raise CommandFailed(2, f"which step: {', '.join(_STEPS)}?", "podo certs rotate-ca begin")
    except carotation.OutOfOrder as problem:
        raise CommandFailed(PRECONDITION, str(problem)) from problem
    _refresh(config, path)
    _restart(config)
    done(
        {
            "begin": "the next CA is made known; in two minutes, when pods know it too: podo certs rotate-ca switch",
            "switch": "the new CA signs; certificates of the old one are believed until: podo certs rotate-ca finish",
            "finish": "the old CA is forgotten",
        }[what]
    )


def _restart(config: Config) -> None:
    """Server and nodes, one after the other; their supervisor starts them again. Containers run on."""
    if not state.load(config.layout.state).running:
        return
    ours = ["server", *(config.node_names if config.runtime == "containerd" else ())]
    for name in ours:
        component = state.load(config.layout.state).component(name)
        if component is not None and component.process is not None:
            component.process.signal(signal.SIGTERM)
            _wait(config, name, component.restarts)
            step(f"{name} is started again")
    launch.wait_ready(config, PATIENCE_SECONDS, lambda _: None)


def _wait(config: Config, name: str, restarts: int) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while clock.monotonic() < deadline:
        component = state.load(config.layout.state).component(name)
        if component is not None and component.restarts > restarts and component.state == "ready":
            return
        pause(launch.POLL_SECONDS)
    raise CommandFailed(TIMEOUT, f"{name} is not ready again", f"podo logs {name}")
