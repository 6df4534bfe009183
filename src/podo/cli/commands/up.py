"""``podo up``: start a cluster, or start again what has stopped."""

from __future__ import annotations

import argparse
import contextlib
import re
from pathlib import Path

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, PRECONDITION, TIMEOUT, USAGE, CommandFailed
from podo.cli.output.progress import done, step
from podo.cluster import givenfiles, kubeconfig, launch, rereading, state
from podo.cluster.config import Config, ConfigProblem
from podo.cluster.lock import AlreadyHeld, held
from podo.cluster.plan import Precondition, Request, plan

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def duration(text: str) -> float:
    """``60s``, ``2m`` or plain seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: 60s, 2m")
    return float(found[1]) * UNITS[found[2]]


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("--nodes", type=int, help="how many nodes (default: 1)")
    parser.add_argument(
        "--runtime", choices=["auto", "containerd", "simulated"], help="what runs containers (default: auto)"
    )
    parser.add_argument(
        "--store", choices=["sqlite", "memory"], help="where the cluster's objects are kept (default: sqlite)"
    )
    parser.add_argument("--port", type=int, help="the API server's port (default: 6443 or the next free one)")
    parser.add_argument("--registry-mirror", metavar="URL", help="a registry to ask for every image first")
    parser.add_argument(
        "--no-registry-fallback",
        dest="registry_fallback",
        action="store_false",
        default=None,
        help="do not ask the images' own registries for what the mirror lacks",
    )
    parser.add_argument(
        "--pod-manifest-path",
        type=lambda text: str(Path(text).absolute()),
        metavar="DIR",
        help="manifests of static pods for every node (default: DATA_DIR/nodes/NODE/manifests)",
    )
    for given in givenfiles.FILES:
        parser.add_argument(given.option, type=Path, metavar="FILE", help=given.help)
    parser.add_argument(
        "--wait", type=duration, default=60.0, metavar="60s", help="how long to wait for it; 0 returns at once"
    )
    parser.add_argument("--foreground", action="store_true", help="stay, log to stderr, stop the cluster on Ctrl-C")
    parser.add_argument("--kubeconfig", type=Path, help="write the context to this file only")


def run(options: argparse.Namespace) -> None:
    config = _planned(options)
    config.layout.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(config.layout.run / "up.lock", wait=True):  # two ups at once: the second finds the first one's cluster
        _adopt(config, options)
        _prepare(config)
        path = options.kubeconfig or kubeconfig.user_path()
        _merge(config, path)
        if not options.foreground:
            _start(config, options.wait)
    if options.foreground:
        _stay(config)
        return
    done(f"cluster {config.name} is {'ready' if options.wait > 0 else 'starting'} at {config.server_url}")
    done(f"  kubectl --kubeconfig {path} --context {config.context} get nodes")


def _planned(options: argparse.Namespace) -> Config:
    request = Request(
        options.name,
        cluster_option.data_dir(options),
        options.nodes,
        options.runtime,
        options.store,
        options.port,
        options.registry_mirror,
        options.registry_fallback,
        options.pod_manifest_path,
    )
    try:
        found = plan(request, cluster_option.configured(options))
    except Precondition as refused:
        raise CommandFailed(PRECONDITION, refused.what, refused.mend) from refused
    except ConfigProblem as problem:
        raise CommandFailed(USAGE, str(problem), "podo up --help") from problem
    for note in found.notes:
        step(note)
    return found.config


def _adopt(config: Config, options: argparse.Namespace) -> None:
    """Keep the files of settings that were given."""
    for given in givenfiles.FILES:
        file: Path | None = getattr(options, given.option.removeprefix("--").replace("-", "_"))
        if file is None:
            continue
        is_reread = given.reread and given.path(config).exists()
        try:
            givenfiles.adopt(config, given, file)
        except ConfigProblem as problem:
            raise CommandFailed(USAGE, str(problem), "podo up --help") from problem
        if state.load(config.layout.state).running and is_reread:
            step(f"{given.option}: the server takes it up within {rereading.CHECK_SECONDS:g} s")
        elif state.load(config.layout.state).running:
            step(f"{given.option}: the cluster runs; it takes effect after podo down and podo up")


def _prepare(config: Config) -> None:
    try:
        launch.prepare(config)
    except OSError as failure:
        raise CommandFailed(
            PRECONDITION, f"{failure.filename}: {failure.strerror}", "podo up --data-dir ANOTHER"
        ) from failure


def _merge(config: Config, path: Path) -> None:
    try:
        kubeconfig.merge(config, path)
    except kubeconfig.KubeconfigProblem as problem:
        raise CommandFailed(PRECONDITION, str(problem), "podo up --kubeconfig FILE") from problem


def _start(config: Config, wait: float) -> None:
    if not state.load(config.layout.state).running:
        launch.launch(config)
    if wait > 0:
        _wait(config, wait)


def _wait(config: Config, seconds: float) -> None:
    try:
        launch.wait_ready(config, seconds, step)
    except launch.NotReady as late:
        hint = f"podo logs --name {config.name} {late.log}"
        raise CommandFailed(
            TIMEOUT, f"after {seconds:g} s the cluster still waits for {late.component} ({late.detail})", hint
        ) from late
    except launch.StartFailed as failed:
        hint = f"podo logs --name {config.name} {failed.component}"
        raise CommandFailed(
            FAILURE, f"{failed.component} does not run; its last words:\n{failed.detail}", hint
        ) from failed


def _stay(config: Config) -> None:
    """Be the supervisor. The lock is free meanwhile, so that ``podo down`` can end this; then it clears away, too."""
    from podo.cli.commands import supervise

    done(f"cluster {config.name} starts at {config.server_url}; Ctrl-C stops it")
    supervise.supervise(config)
    with contextlib.suppress(AlreadyHeld), held(config.layout.run / "up.lock"):
        launch.stop(config, step)
