"""``podo secrets``: the keys under which Secrets are encrypted at rest, and encrypting them anew."""

from __future__ import annotations

import argparse
import json
import signal
from typing import Any

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, NOT_RUNNING, TIMEOUT, CommandFailed
from podo.cli.output.progress import done, step
from podo.cluster import encryption, state
from podo.cluster.config import Config
from podo.runtime.clock import SystemClock, pause

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.05


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("action", choices=["reencrypt"], help="write every Secret again under the first key")
    parser.add_argument("--new-key", action="store_true", help="make a new key first; the others go on reading")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.running(options)
    server = state.load(config.layout.state).component("server")
    process = server.process if server else None
    if process is None:
        raise CommandFailed(NOT_RUNNING, "the server does not run", f"podo up --name {config.name}")
    try:
        if options.new_key:
            step(f"new key {encryption.add_key(config)} in {encryption.path(config)}")
        if encryption.load(config) is None:
            hint = f"podo secrets reencrypt --new-key --name {config.name}"
            raise CommandFailed(FAILURE, f"there is no {encryption.path(config)}", hint)
    except encryption.SealingProblem as problem:
        raise CommandFailed(FAILURE, str(problem)) from problem
    report = encryption.report_path(config)
    report.unlink(missing_ok=True)
    process.signal(signal.SIGHUP)
    found = _wait(config)
    if problem_text := found.get("problem"):
        raise CommandFailed(FAILURE, problem_text, f"podo logs --name {config.name} server")
    done(f"{found['objects']} objects are encrypted under the first key of {encryption.path(config)}")


def _wait(config: Config) -> dict[str, Any]:
    clock = SystemClock()
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while clock.monotonic() < deadline:
        try:
            found: dict[str, Any] = json.loads(encryption.report_path(config).read_bytes())
        except FileNotFoundError:
            pause(POLL_SECONDS)
            continue
        if "problem" in found or found["config"] == encryption.fingerprint(config):
            return found
        pause(POLL_SECONDS)
    raise CommandFailed(TIMEOUT, f"after {PATIENCE_SECONDS:g} s the server is not done", "podo logs server")
