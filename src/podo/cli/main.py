"""The ``podo`` command: finds the verb, runs it, turns what went wrong into a message and an exit code.

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not running, 5 timeout, 6 precondition.
Each verb is a module of ``cli/commands`` with ``HELP``, ``arguments(parser)`` and ``run(options)``; it is imported
when it is called.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from podo.cli.errors import FAILURE, CommandFailed

#: Verb -> its line in ``podo --help``. A module of the same name in ``cli/commands`` is the verb.
COMMANDS = {
    "up": "start a cluster, or start again what has stopped",
    "down": "stop a cluster; with --purge remove all of it",
    "status": "show each component: its process, state and since when",
    "kubeconfig": "print or merge the administrator's kubeconfig",
    "image": "load images from archives, list those there are",
    "certs": "show when certificates end, renew them, go over to another CA",
    "token": "make, list and delete bootstrap tokens",
    "secrets": "encrypt Secrets at rest anew, under a new key where asked",
    "logs": "show what a component has logged",
    "audit": "check a running cluster against the controls of the CIS Kubernetes Benchmark",
    "why": "show why a pod waits, or a workload or claim is not as wanted",
    "simulate": "show where pods of a manifest would go, without touching the cluster",
    "version": "show the versions of podo and of the API it serves",
}
#: Verbs that podo starts itself: the processes of a cluster.
INTERNAL = ("supervise", "server", "node")


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser, verb = _parser(arguments)
    options = parser.parse_args(arguments)
    if verb is None:
        parser.print_help()
        return 0
    try:
        importlib.import_module(f"podo.cli.commands.{verb}").run(options)
    except CommandFailed as failure:
        return _report(failure, options.verbose)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return 0


def _report(failure: CommandFailed, verbose: bool) -> int:
    print(f"error: {failure.message}", file=sys.stderr)
    if failure.hint:
        print(f"try:   {failure.hint}", file=sys.stderr)
    if verbose and failure.__cause__ is not None:
        import traceback

        traceback.print_exception(failure.__cause__)
    return failure.code or FAILURE


def _parser(arguments: list[str]) -> tuple[argparse.ArgumentParser, str | None]:
    """A parser that knows the options of the one verb that was called, so that no other verb is imported."""
    verb = next((word for word in arguments if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="podo", description="Kubernetes, whole, in Python.")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the cause of a failure")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        _add(verbs, name, summary, full=name == verb)
    if verb in INTERNAL:
        _add(verbs, verb, "", full=True)
    return parser, verb


def _add(verbs, name: str, summary: str, *, full: bool) -> None:  # type: ignore[no-untyped-def]
    command = verbs.add_parser(name, help=summary, description=summary)
    if full:
        command.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        importlib.import_module(f"podo.cli.commands.{name}").arguments(command)
